import "./pictures.js";

// Keys in lists: / goes to the filter, j and k (and the arrows, inside a list) to the next and previous row.
/** @type {HTMLElement[]} */
const rows = [...document.querySelectorAll("[data-row]")].filter((row) => row instanceof HTMLElement);
const filter = /** @type {HTMLElement | null} */ (document.querySelector("[data-filter]"));

/** @param {number} step */
function move(step) {
  const now = rows.findIndex((row) => row.contains(document.activeElement));
  const next = now < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(now + step, 0), rows.length - 1);
  const target = /** @type {HTMLElement | null | undefined} */ (rows[next]?.querySelector("a[href]"));
  target?.focus();
  target?.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const place = event.target;
  if (place instanceof HTMLElement && place.matches("input:not([type=checkbox]), select, textarea")) return;
  const inside = rows.some((row) => row.contains(document.activeElement));
  /** @type {Record<string, number>} */
  const steps = { j: 1, k: -1, ArrowDown: inside ? 1 : 0, ArrowUp: inside ? -1 : 0 };
  const step = steps[event.key];
  if (event.key === "/" && filter !== null) filter.focus();
  else if (step && rows.length > 0) move(step);
  else return;
  event.preventDefault();
});
