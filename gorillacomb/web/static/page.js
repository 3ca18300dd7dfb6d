// What every page does if it can: show moments in the reader's own time.
for (const time of document.querySelectorAll("time")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.getTime())) {
    time.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    time.title = time.dateTime;
  }
}

const SECRET = "gorillacomb-secret";

/** The element of an id that the page has.  @param {string} id */
export function element(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/** The headers of a request to the API: under a name that other programs have too, the cookie is not enough.
 *  @returns {Record<string, string>} */
export function headers() {
  const secret = sessionStorage.getItem(SECRET);
  return secret === null ? {} : { "X-GorillaComb-Secret": secret };
}

/** @param {string | null} secret */
export function keepSecret(secret) {
  if (secret === null) sessionStorage.removeItem(SECRET);
  else sessionStorage.setItem(SECRET, secret);
}

// Under a name that other programs have too, a form needs the secret as well, which only a script can send.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || sessionStorage.getItem(SECRET) === null) return;
  if (form.method !== "post") return;
  event.preventDefault();
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form, event.submitter)) body.append(name, String(value));
  const button = event.submitter;
  const target = button instanceof HTMLButtonElement && button.hasAttribute("formaction") ? button.formAction : form.action;
  const answer = await fetch(target, { method: "POST", headers: { ...headers(), Accept: "text/html" }, body });
  if (answer.redirected) location.assign(answer.url);
  else document.body.replaceWith(new DOMParser().parseFromString(await answer.text(), "text/html").body);
});
