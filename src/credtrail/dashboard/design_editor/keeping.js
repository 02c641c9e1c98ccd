// Keeping the work: saving it, a draft in this tab until it is saved, and what to do when somebody else was faster.
(() => {
  const { wire } = designEditor;
  const DRAFT_PAUSE_MS = 150;

  class Keeping {
    constructor(bench, parts) {
      this.bench = bench;
      Object.assign(this, parts); // button, state, notice, conflict
      this.draftName = `credtrail-design-${bench.told.id}`;
      this.restore();
      bench.listen(() => this.changed());
      this.changed();
      addEventListener("pagehide", () => this.writeDraft());
      addEventListener("beforeunload", (event) => {
        if (bench.isChanged && !this.mayLeave) event.preventDefault();
      });
      this.button.addEventListener("click", () => this.save());
      this.listenToConflict();
    }

    restore() {
      const { bench } = this;
      let draft = null;
      try {
        draft = JSON.parse(sessionStorage.getItem(this.draftName));
      } catch {
        // What can't be read was none of ours.
      }
      if (!draft || bench.readOnly) return;
      if (JSON.stringify(draft.document) === bench.written()) return;
      bench.replace(draft.document);
      bench.updatedAt = draft.updatedAt;
      this.tell("What you hadn’t saved is back.", [["Do without it", () => this.undoRestore()]]);
    }

    undoRestore() {
      this.bench.undo();
      this.bench.updatedAt = this.bench.told.updatedAt;
      this.tell("");
    }

    changed() {
      const { isChanged, readOnly } = this.bench;
      this.state.textContent = readOnly ? "" : isChanged ? "Not saved yet" : "Saved";
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.writeDraft(), DRAFT_PAUSE_MS);
    }

    writeDraft() {
      const { bench } = this;
      if (bench.readOnly) return;
      try {
        if (!bench.isChanged) sessionStorage.removeItem(this.draftName);
        else sessionStorage.setItem(this.draftName, `{"updatedAt":${bench.updatedAt},"document":${bench.written()}}`);
      } catch {
        // No room, or forbidden: then only saving keeps it, and leaving asks.
      }
    }

    async save({ over = false, copyName = null } = {}) {
      const { bench } = this;
      if (bench.readOnly || this.isSaving) return;
      this.isSaving = true;
      this.state.textContent = "Saving…";
      const sent = bench.document;
      const updatedAt = over ? null : bench.updatedAt;
      const told = `{"document":${bench.written(sent)},"updatedAt":${updatedAt},"copyName":${JSON.stringify(copyName)}}`;
      try {
        const answer = await wire.send(`${bench.told.path}/document`, told);
        if (answer.ok) this.saved(await answer.json(), sent, copyName);
        else await this.refused(answer, sent);
      } catch {
        this.tell("The server can’t be reached. Your changes stay in this tab; please save again in a moment.");
      }
      this.isSaving = false;
      this.changed();
    }

    saved({ id, updatedAt }, sent, copyName) {
      this.tell("");
      if (copyName === null) return this.bench.keep(sent, updatedAt);
      this.mayLeave = true;
      sessionStorage.removeItem(this.draftName);
      this.bench.saved = this.bench.document;
      location.assign(`${this.bench.told.home}/designs/${id}`);
    }

    async refused(answer, sent) {
      if (answer.status === 401) return this.sessionEnded();
      const { message, details = [], theirs, updatedAt } = await wire.refusalOf(answer);
      if (theirs) return this.meet(theirs, updatedAt);
      this.bench.refuse(details, sent);
      const why = this.bench.complaint || message;
      this.tell(why ? `It isn’t saved: ${why}.` : "It isn’t saved; please try again.");
    }

    sessionEnded() {
      this.writeDraft();
      this.tell("Your session has ended. Nothing is lost: sign in, and this design opens again as it is now.", [
        ["Sign in", () => {
          this.writeDraft();
          this.mayLeave = true;
          location.assign(`/dashboard/sign-in?next=${encodeURIComponent(this.bench.told.path)}`);
        }],
      ]);
    }

    tell(sentence, acts = []) {
      const buttons = acts.map(([words, act]) => {
        const button = designEditor.fields.make("button", { type: "button", class: "button small" }, words);
        button.addEventListener("click", act);
        return button;
      });
      this.notice.replaceChildren(sentence, ...buttons);
      this.notice.hidden = !sentence;
    }

    meet(theirs, updatedAt) {
      this.theirs = { document: theirs, updatedAt };
      if (!this.conflict.open) this.conflict.showModal();
    }

    listenToConflict() {
      const acts = {
        over: () => this.save({ over: true }),
        copy: () => this.save({ copyName: `${this.button.dataset.name} (my version)`.slice(-255) }),
        theirs: () => {
          this.bench.replace(this.theirs.document);
          this.bench.keep(this.bench.document, this.theirs.updatedAt);
        },
      };
      this.conflict.addEventListener("click", ({ target }) => {
        const act = acts[target.dataset.act];
        if (!act) return;
        this.conflict.close();
        act();
      });
    }
  }

  designEditor.Keeping = Keeping;
})();
