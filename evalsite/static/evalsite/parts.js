// Forms of several parts by keyboard: a digit answers the part in focus and goes on to the next,
// Enter goes to what is not answered yet, or sends. Sliders move what their number fields hold.
// Bound by data- attributes: data-part, data-slider, data-digit, data-reason, data-send.
(() => {
  "use strict";
  const BANDS = 5;
  const parts = () => [...document.querySelectorAll("[data-part]")];
  const send = () => document.querySelector("[data-send]");
  const isSlider = (part) => "slider" in part.dataset;
  const number = (part) => part.querySelector("input[type=number]");
  const range = (part) => part.querySelector("input[type=range]");
  const isAnswered = (part) =>
    isSlider(part) ? number(part).value !== "" : part.querySelector(":checked") !== null;
  // In MUSHRA with sound a slider is locked while its sound is not heard.
  const isLocked = (part) => isSlider(part) && number(part).readOnly;
  const opener = (part) => part.parentElement.querySelector("[data-signal]");
  const focusOn = (part) => {
    if (isLocked(part)) opener(part).focus();
    else (isSlider(part) ? range(part) : part).focus();
  };
  const heard = () => parts().find((part) => part.closest(".heard-now"));
  const inFocus = () => parts().find((part) => part.contains(document.activeElement));
  const open = () => parts().find((part) => !isAnswered(part));
  const emptyReason = () => {
    const reason = document.querySelector("[data-reason]");
    return reason && !reason.value.trim() ? reason : null;
  };

  // Sliders

  const show = (part) => {
    const isSet = number(part).value !== "";
    if (isSet) range(part).value = number(part).value;
    part.classList.toggle("untouched", !isSet);
  };
  const set = (part, value) => {
    number(part).value = value;
    show(part);
  };
  const bind = () => {
    for (const part of document.querySelectorAll("[data-slider]")) {
      range(part).hidden = false;
      // The slider stands in the order of tabs; the number can still be clicked and typed.
      number(part).tabIndex = -1;
      // A click on the middle, where the handle is at first, moves nothing but is an answer.
      for (const kind of ["input", "click"]) {
        range(part).addEventListener(kind, () => set(part, range(part).value));
      }
      number(part).addEventListener("input", () => show(part));
      show(part);
    }
  };

  // Keys

  const answer = (part, digit) => {
    if (isLocked(part)) return;
    if (isSlider(part)) {
      if (digit < 1 || digit > BANDS) return;
      set(part, (digit - 0.5) * (100 / BANDS));
      range(part).focus();
      return;
    }
    const choice = part.querySelector(`[data-digit="${digit}"]`);
    if (!choice) return;
    choice.checked = true;
    const next = parts()[parts().indexOf(part) + 1];
    if (next) focusOn(next);
    else (emptyReason() ?? send()).focus();
  };

  const goOnOrSend = () => {
    if (open()) focusOn(open());
    else if (emptyReason()) emptyReason().focus();
    else send().form.requestSubmit(send());
  };

  document.addEventListener("keydown", (event) => {
    if (!send() || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.target.closest("textarea, button, summary, a")) return;
    if (event.key === "Enter") {
      event.preventDefault();
      goOnOrSend();
    } else if (/^[0-9]$/.test(event.key) && event.target.type !== "number") {
      event.preventDefault();
      answer(inFocus() ?? heard() ?? open() ?? parts()[0], Number(event.key));
    }
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id === "turn") bind();
  });
  bind();
})();
