"""Who is taken for a person and who isn't, by the user agent alone."""

# ruff: noqa: E501 - user agents are as long as they are

import pytest

from credtrail.pages.robots import find_reason, is_robot

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile Safari/537.36"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"

PEOPLE = {
    "Chrome on Windows": f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36",
    "Edge": f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
    "Firefox": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Safari on a Mac": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Safari on a phone": f"{IPHONE} Version/18.1 Mobile/15E148 Safari/604.1",
    "Chrome on Android": "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Chrome on iOS": f"{IPHONE} CriOS/142.0.0.0 Mobile/15E148 Safari/604.1",
    "Samsung's browser": "Mozilla/5.0 (Linux; Android 13; SM-S908B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
    "Opera Mini": "Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16",
    "Yandex's browser": f"{WINDOWS} Chrome/128.0.0.0 YaBrowser/24.10.0.0 Safari/537.36",
    "DuckDuckGo's browser": f"{ANDROID} DuckDuckGo/5",
    "QQ's browser": "Mozilla/5.0 (Linux; U; Android 12; zh-cn; V2048A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0 MQQBrowser/14.8 Mobile Safari/537.36",
    "Chrome OS": "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Internet Explorer": "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "a phone by Cubot": "Mozilla/5.0 (Linux; Android 9; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
    "in Facebook, iOS": f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBAV/488.0.0.59.99;FBBV/658923201;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS]",
    "in Facebook, Android": f"{ANDROID} [FB_IAB/FB4A;FBAV/489.0.0.0.0;]",
    "in Messenger": f"{ANDROID} [FB_IAB/Orca-Android;FBAV/480.0.0.0;]",
    "in Instagram": f"{IPHONE} Mobile/15E148 Instagram 356.0.0.41.101 (iPhone15,2; iOS 18_1; en_US; en; scale=3.00; 1179x2556)",
    "in LinkedIn, iOS": f"{IPHONE} Mobile/15E148 [LinkedInApp]/9.30.1",
    "in LinkedIn, Android": f"{ANDROID} [LinkedInApp]",
    "in WeChat": f"{ANDROID} XWEB/1260059 MMWEBSDK/20240404 MicroMessenger/8.0.49.2600(0x28003133) WeChat/arm64 Weixin NetType/WIFI",
    "in Weibo": f"{IPHONE} Mobile/15E148 Weibo (iPhone15,2__weibo__14.9.0__iphone__os17.0)",
    "in X": f"{IPHONE} Mobile/15E148 Twitter for iPhone/10.65",
    "in Pinterest": f"{IPHONE} Version/18.1 Mobile/15E148 Safari/604.1 [Pinterest/iOS]",
    "in Google's app": f"{IPHONE} GSA/345.0.0 Mobile/15E148 Safari/604.1",
    "in Line": f"{ANDROID} Line/14.18.0/IAB",
    "in KakaoTalk": f"{ANDROID} KAKAOTALK 11.2.0",
    "in Snapchat": f"{IPHONE} Mobile/15E148 Snapchat/13.10.0.40 (like Safari/8619.2.8, panda)",
    "in TikTok": f"{ANDROID} trill_370200 BytedanceWebview/d8a21c6 musical_ly_370200 JsSdk/1.0",
    "in Telegram": "Mozilla/5.0 (Linux; Android 11; Telegram-Android/11.2.3 (Xiaomi M2007J20CG; Android 11; SDK 30)) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0 Mobile Safari/537.36",
    "in Teams": f"{WINDOWS} Teams/24277 Chrome/126.0.0.0 Electron/31.0 Safari/537.36",
    "in Slack": f"{WINDOWS} Slack/4.41 Chrome/130.0 Electron/33.0 Safari/537.36",
    "in Messenger, iOS": f"{IPHONE} Mobile/15E148 [FBAN/MessengerForiOS;FBAV/480.0.0.30.108;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/18.1;FBLC/de_DE]",
    "in Instagram, Android": f"{ANDROID} Instagram 356.0.0.41.101 Android (34/14; 420dpi; 1080x2201; Google/google; Pixel 8; shiba; shiba; en_US; 654111336)",
    "in WeChat, iOS": f"{IPHONE} Mobile/15E148 MicroMessenger/8.0.53(0x18003531) NetType/WIFI Language/zh_CN",
    "in WeChat, Windows": f"{WINDOWS} Chrome/126.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090c11) XWEB/11275 Flue",
    "in Weibo, Android": f"{ANDROID} Weibo (Xiaomi-2201123C__weibo__14.9.3__android__android14)",
    "in X, Android": f"{ANDROID} TwitterAndroid",
    "in Pinterest, Android": f"{ANDROID} [Pinterest/Android]",
    "in WhatsApp": f"{ANDROID} WhatsApp/2.24.20.89",
    "in WhatsApp, iOS": f"{IPHONE} Mobile/15E148 WhatsApp/24.20.79",
    "in Telegram, iOS": f"{IPHONE} Version/18.1 Mobile/15E148 Safari/604.1 Telegram-iOS/11.2",
    "in Viber": f"{ANDROID} Viber/23.6.0.2",
    "in Viber, iOS": f"{IPHONE} Mobile/15E148 Viber/23.6.0",
    "in Line, iOS": f"{IPHONE} Safari Line/14.18.0",
    "in KakaoTalk, iOS": f"{IPHONE} Mobile/15E148 KAKAOTALK 11.2.0",
    "in Snapchat, Android": f"{ANDROID} Snapchat/13.10.0.40 (Pixel 8; Android 14#12109342#34; gzip; )",
    "in LinkedIn, with its version": f"{ANDROID} LinkedInApp/4.1.1002",
    "in Gmail": f"{IPHONE} GSA/345.0.0 Mobile/15E148 Safari/604.1 GoogleApp",
    "Vivaldi": f"{WINDOWS} Chrome/142.0.0.0 Safari/537.36 Vivaldi/7.6",
    "Firefox on Android": "Mozilla/5.0 (Android 14; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0",
    "a television": "Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/5.0 Chrome/94.0.4606.31 TV Safari/537.36",
    "a game console": "Mozilla/5.0 (PlayStation; PlayStation 5/9.00) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Safari/605.1.15",
}

ROBOTS = {
    "nothing": "",
    "blanks": "   ",
    "Google": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Google, as a phone": f"{ANDROID} (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Google's inspection": "Mozilla/5.0 (compatible; Google-InspectionTool/1.0;)",
    "Gmail's pictures": f"{WINDOWS} Chrome/120.0 Safari/537.36 (via ggpht.com GoogleImageProxy)",
    "Bing": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
    "Apple": "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
    "Yandex": "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Baidu": "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "DuckDuckGo": "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "LinkedIn": "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Facebook": "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Meta": "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "X": "Twitterbot/1.0",
    "Pinterest": "Mozilla/5.0 (compatible; Pinterestbot/1.0; +https://www.pinterest.com/bot.html)",
    "Telegram": "TelegramBot (like TwitterBot)",
    "WhatsApp": "WhatsApp/2.23.20.0",
    "Slack": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Discord": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "Skype": f"{WINDOWS} SkypeUriPreview Preview/0.5",
    "Bluesky": "Mozilla/5.0 (compatible; Bluesky Cardyb/1.1; +mailto:support@bsky.app)",
    "Mastodon": "Mastodon/4.3.0 (http.rb/5.2.0; +https://mastodon.social/) Bot",
    "Embedly": "Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)",
    "OpenAI": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Ahrefs": "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "the Internet Archive": "Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)",
    "a monitor": "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "Lighthouse": f"{WINDOWS} Chrome/136.0.0.0 Safari/537.36 Chrome-Lighthouse",
    "Outlook's link check": "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Outlook": "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.12026; Pro)",
    "Barracuda": "Mozilla/5.0 (compatible; MSIE 9.0) Barracuda Sentinel (EE)",
    "Proofpoint": "Mozilla/5.0 (Windows NT 6.3; Win64; x64) Proofpoint URL Defense",
    "headless Chrome": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
    "curl": "curl/8.5.0",
    "wget": "Wget/1.21",
    "Python": "python-requests/2.32",
    "Go": "Go-http-client/2.0",
    "Java": "Java/17.0.2",
    "Node": "node",
    "PHP": "GuzzleHttp/7",
    "Postman": "PostmanRuntime/7.39",
    "iMessage": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "Meta's fetcher": "meta-externalfetcher/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "Facebot": "Facebot",
    "Viber": "Viber",
    "Viber's fetcher, as a browser": f"{WINDOWS} Chrome/100.0.0.0 Safari/537.36 Viber",
    "Snapchat": "Mozilla/5.0 (compatible; SnapURLPreview/1.0; +https://www.snapchat.com)",
    "Snap": "Snap URL Preview Service; bot; snapchat; https://developers.snap.com/robots",
    "Reddit": "Mozilla/5.0 (compatible; redditbot/1.0; +http://www.reddit.com/feedback)",
    "VK": "Mozilla/5.0 (compatible; vkShare; +http://vk.com/dev/Share)",
    "Iframely": "Iframely/1.3.1 (+https://iframely.com/docs/about)",
    "Slack's pictures": "Slack-ImgProxy (+https://api.slack.com/robots)",
    "Microsoft's previews": f"{WINDOWS} MicrosoftPreview/2.0 +https://aka.ms/MicrosoftPreview",
    "Pinterest, older": "Pinterest/0.2 (+http://www.pinterest.com/bot.html)",
    "Line's spider": "Mozilla/5.0 (compatible; Linespider/1.1; +https://lin.ee/4dwXkTH)",
    "Mail.Ru": "Mozilla/5.0 (compatible; Linux x86_64; Mail.RU_Bot/2.0; +http://go.mail.ru/help/robots)",
    "Seznam": "Mozilla/5.0 (compatible; SeznamBot/4.0; +http://napoveda.seznam.cz/seznambot-intro/)",
    "Petal": f"{ANDROID} (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
    "OpenAI, for a person": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
    "Anthropic": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "Anthropic, for a person": "Mozilla/5.0 (compatible; Claude-User/1.0; +Claude-User@anthropic.com)",
    "Perplexity": "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
    "Perplexity, for a person": "Mozilla/5.0 (compatible; Perplexity-User/1.0; +https://perplexity.ai/perplexity-user)",
    "ByteDance": f"{ANDROID} (compatible; Bytespider; spider-feedback@bytedance.com)",
    "Common Crawl": "CCBot/2.0 (https://commoncrawl.org/faq/)",
    "Amazon": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_10_1) AppleWebKit/600.2.5 (KHTML, like Gecko) Version/8.0.2 Safari/600.2.5 (Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot)",
    "Mimecast": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Mimecast-URLProtect/1.0",
    "Zscaler": f"{WINDOWS} Chrome/120.0.0.0 Safari/537.36 Zscaler",
    "Yahoo's pictures": "Mozilla/5.0 (compatible; YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html)",
    "PhantomJS": "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
    "Playwright": "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Playwright/1.50 Chrome/133.0 Safari/537.36",
    "jsdom": "Mozilla/5.0 (linux) AppleWebKit/537.36 (KHTML, like Gecko) jsdom/26.0.0",
    "okhttp": "okhttp/4.12.0",
    "axios": "axios/1.7.9",
    "aiohttp": "Python/3.12 aiohttp/3.11.11",
    "httpx": "python-httpx/0.28.1",
    "Perl": "libwww-perl/6.77",
    "Ruby": "Ruby",
    "a bare word": "Mozilla/5.0",
    "something that says so": "Mozilla/5.0 (X11; Linux x86_64) a crawler of no name",
}


@pytest.mark.parametrize("user_agent", PEOPLE.values(), ids=PEOPLE)
def test_people(user_agent):
    assert not is_robot(user_agent)
    assert find_reason({"user-agent": user_agent}, automated=False) is None


@pytest.mark.parametrize("user_agent", ROBOTS.values(), ids=ROBOTS)
def test_robots(user_agent):
    assert is_robot(user_agent)
    assert find_reason({"user-agent": user_agent}, automated=False) == "robot"


def test_the_table_is_long_enough():
    assert len(PEOPLE) >= 50
    assert len(ROBOTS) >= 80


@pytest.mark.parametrize("name", ["sec-purpose", "purpose", "x-purpose", "x-moz"])
@pytest.mark.parametrize("value", ["prefetch", "Prefetch", "prefetch;prerender", "preview"])
def test_what_a_browser_fetches_ahead_is_nobodys_yet(name, value):
    person = {"user-agent": PEOPLE["Firefox"]}
    assert find_reason({**person, name: value}, automated=False) == "prefetch"
    assert find_reason({**person, name: ""}, automated=False) is None


def test_no_user_agent_at_all_is_a_robot():
    assert find_reason({}, automated=False) == "robot"
