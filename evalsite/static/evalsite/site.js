// Buttons that copy a link: <button data-copy="..." hidden>. Hidden where scripts do not run.
// Parts of a form that one answer asks for: <fieldset data-with="field" data-value="answer">.
(() => {
  "use strict";

  // Without TLS a browser gives no clipboard: then the link stands there, selected.
  const show = (button) => {
    const field = document.createElement("input");
    field.value = button.dataset.copy;
    field.readOnly = true;
    field.setAttribute("aria-label", "Link");
    button.replaceWith(field);
    field.select();
  };

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    const words = button.textContent;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
      } catch {
        show(button);
        return;
      }
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = words; }, 1500);
    });
  }

  for (const part of document.querySelectorAll("[data-with]")) {
    const form = part.closest("form");
    const show = () => { part.hidden = form.elements[part.dataset.with].value !== part.dataset.value; };
    form.addEventListener("change", show);
    show();
  }
})();
