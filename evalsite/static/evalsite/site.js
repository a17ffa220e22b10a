// Buttons that copy a link: <button data-copy="..." hidden>. Hidden where scripts do not run.
(() => {
  "use strict";
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const words = button.textContent;
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = words; }, 1500);
    });
  }
})();
