// Buttons that copy a link: <button data-copy="..." hidden>. Hidden where scripts do not run.
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
})();
