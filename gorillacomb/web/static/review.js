// The keys of a review: each presses what is on the page under the same name.
const shown = document.getElementById("answer")?.dataset.answer;
const answers = document.getElementById("answers");
let isSent = false; // what is typed while the next page is on its way was meant for this one

/** @param {string} key  @returns {boolean} whether the page has something for it */
function press(key) {
  const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!(target instanceof HTMLElement)) return false;
  if (key === "/") target.focus();
  else target.click();
  return true;
}

// Yes if it is not, else no; and stay on this page.
function toggle() {
  if (answers === null) return false;
  const stay = document.createElement("input");
  stay.type = "hidden"; stay.name = "stay"; stay.value = "yes";
  answers.append(stay);
  return press(shown === "yes" ? "n" : "y");
}

document.addEventListener("keydown", (event) => {
  const place = /** @type {HTMLElement} */ (event.target);
  const inField = place.closest("input, textarea, select") !== null;
  if (event.key === "Escape" && inField) place.blur();
  if (inField || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  // A space on a button or a link means that.
  if (event.key === " " && place.closest("button, a, summary") !== null) return;
  if (isSent) { event.preventDefault(); return; }
  if (event.key === " " ? toggle() : press(event.key)) event.preventDefault();
});

document.addEventListener("submit", (event) => {
  if (isSent) event.preventDefault();
  isSent = event.target instanceof HTMLFormElement && event.target.method === "post";
}, { capture: true });

// A page that the browser kept, and shows again, can be answered again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
