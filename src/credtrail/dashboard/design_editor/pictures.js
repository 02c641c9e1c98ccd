// The dialog in which a picture is chosen or uploaded.
(() => {
  const { fields, wire } = designEditor;

  function dialogOf(home, dialog) {
    const list = dialog.querySelector("ul");
    const problem = dialog.querySelector(".problem");
    const upload = dialog.querySelector('input[type="file"]');
    const none = dialog.querySelector(".none");
    const more = dialog.querySelector(".more");
    let done = () => {};
    let older = null;

    const say = (sentence) => {
      problem.hidden = !sentence;
      problem.textContent = sentence;
    };

    const finish = (image) => {
      done(image);
      done = () => {};
      dialog.close();
    };

    function show(images) {
      list.append(...images.map((image, at) => {
        const picture = fields.make("img", { src: `${home}/images/${image.id}`, alt: "", loading: "lazy" });
        const words = `Picture ${list.children.length + at + 1}, ${image.width} by ${image.height} pixels`;
        const button = fields.make("button", { type: "button", "aria-label": words, title: words }, picture);
        button.addEventListener("click", () => finish(image));
        return fields.make("li", {}, button);
      }));
      more.hidden = !older;
    }

    async function load(query = "") {
      try {
        const answer = await fetch(`${home}/images${query}`, { headers: { "x-requested-with": "credtrail" } });
        if (!answer.ok) throw new Error(answer.status);
        const page = await answer.json();
        older = page.older;
        show(page.images);
        none.hidden = list.children.length > 0;
      } catch {
        say("The pictures can’t be listed right now; please try again.");
      }
    }

    upload.addEventListener("change", async () => {
      if (!upload.files.length) return;
      const form = new FormData();
      form.append("image", upload.files[0]);
      say("");
      dialog.setAttribute("aria-busy", "true");
      try {
        const answer = await wire.send(`${home}/images`, form);
        if (answer.ok) finish(await answer.json());
        else say((await wire.refusalOf(answer)).message || "The picture could not be kept.");
      } catch {
        say("The server can’t be reached; please try again.");
      } finally {
        dialog.removeAttribute("aria-busy");
        upload.value = "";
      }
    });
    more.addEventListener("click", () => load(new URL(older, location.href).search));
    dialog.addEventListener("close", () => {
      done(null);
      done = () => {};
    });

    // Ask for one: { id, width, height }, or null when the dialog was closed.
    return function choose() {
      say("");
      list.replaceChildren();
      none.hidden = true;
      older = null;
      load();
      dialog.showModal();
      return new Promise((resolve) => (done = resolve));
    };
  }

  designEditor.pictures = { dialogOf };
})();
