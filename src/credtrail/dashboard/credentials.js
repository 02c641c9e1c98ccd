// The list of credentials: choose all on the page, and say how many are chosen.
(() => {
  const boxes = () => [...document.querySelectorAll('.many input[name="id"]')];

  function tell() {
    const told = document.querySelector("[data-chosen]");
    if (!told) return;
    const count = boxes().filter((box) => box.checked).length;
    const whole = document.querySelector('.many input[name="whole"]')?.checked;
    told.textContent = whole ? "With all that are found:" : `${count} chosen:`;
    for (const button of document.querySelectorAll(".with-chosen button")) button.disabled = !count && !whole;
    const all = document.querySelector("[data-picks-all]");
    all.checked = count > 0 && count === boxes().length;
    all.indeterminate = count > 0 && !all.checked;
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-picks-all]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.closest(".many")) tell();
  });
  document.addEventListener("htmx:afterSettle", tell);
  window.addEventListener("pageshow", tell);
})();
