// Asks the server. A token that is too old (signed in again, in another tab) is renewed once.
(() => {
  const meta = document.querySelector('meta[name="csrf"]');

  async function renew() {
    const answer = await fetch(location.href, { headers: { "x-requested-with": "credtrail" } });
    if (!answer.ok) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector('meta[name="csrf"]')?.content;
    const isNew = Boolean(found) && found !== meta.content;
    if (isNew) meta.content = found;
    return isNew;
  }

  async function send(path, body, { signal, mayRenew = true } = {}) {
    const headers = { "x-csrf-token": meta.content, "x-requested-with": "credtrail" };
    if (typeof body === "string") headers["content-type"] = "application/json";
    const answer = await fetch(path, { method: "POST", body, headers, signal });
    if (answer.status === 403 && mayRenew && (await renew())) return send(path, body, { signal, mayRenew: false });
    return answer;
  }

  // What a refusal says, as JSON or as plain text.
  async function refusalOf(answer) {
    const text = await answer.text();
    try {
      return JSON.parse(text);
    } catch {
      return { message: answer.status < 500 && text.length < 300 ? text : "", details: [] };
    }
  }

  const csrf = () => meta.content;

  designEditor.wire = { csrf, refusalOf, send };
})();
