// The true picture: drawn by the server a moment after each change. The latest wins, older requests are given up.
(() => {
  const { wire } = designEditor;
  const PAUSE_MS = 200;

  const asAddress = (blob) => new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });

  class Proof {
    constructor(bench, canvas, element, { sessionEnded }) {
      this.bench = bench;
      this.element = element;
      this.image = element.querySelector("img");
      this.said = element.querySelector(".said");
      this.name = element.querySelector('[name="recipient_name"]');
      this.sessionEnded = sessionEnded;
      this.drawn = null;
      const names = element.querySelector("select");
      names.append(...bench.told.names.map((one) => designEditor.fields.make("option", { value: one.name }, one.words)));
      this.name.value = names.value;
      names.addEventListener("change", () => {
        this.name.value = names.value;
        this.name.dispatchEvent(new Event("input"));
      });
      this.name.addEventListener("input", () => {
        canvas.setName(this.name.value);
        this.later();
      });
      element.querySelector("form").addEventListener("submit", ({ target }) => {
        target.elements.csrf.value = wire.csrf();
        target.elements.document.value = bench.written();
      });
      canvas.setName(this.name.value);
      bench.listen(() => bench.document !== this.drawn && this.later());
      this.later();
    }

    later() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.draw(), PAUSE_MS);
    }

    async draw() {
      this.request?.abort();
      const request = (this.request = new AbortController());
      const { document } = this.bench;
      this.drawn = document;
      this.element.setAttribute("aria-busy", "true");
      const asked = `{"document":${this.bench.written(document)},"recipientName":${JSON.stringify(this.name.value || "–")}}`;
      try {
        const answer = await wire.send(`${this.bench.told.path}/proof.png`, asked, { signal: request.signal });
        if (answer.status === 401) this.sessionEnded();
        else if (!answer.ok) await this.refuse(answer, document);
        else {
          const address = await asAddress(await answer.blob());
          if (request.signal.aborted) return;
          this.image.src = address;
          this.image.hidden = false;
          this.say("");
        }
      } catch (error) {
        if (error.name === "AbortError") return;
        this.say("The server can’t be reached; this picture is of an earlier state.");
      }
      if (request === this.request) this.element.removeAttribute("aria-busy");
    }

    async refuse(answer, document) {
      const { message, details } = await wire.refusalOf(answer);
      if (details?.length && document === this.bench.document) {
        this.bench.refuse(details, document, { keepsSelection: true });
        return this.say(`This picture is of an earlier state: ${this.bench.complaint}.`);
      }
      this.say(message || "It can’t be drawn right now; this picture is of an earlier state.");
    }

    say(sentence) {
      this.said.textContent = sentence;
      this.said.hidden = !sentence;
    }
  }

  designEditor.Proof = Proof;
})();
