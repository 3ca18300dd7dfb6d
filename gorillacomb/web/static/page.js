// What every page does if it can: show moments in the reader's own time.
for (const time of document.querySelectorAll("time")) {
  const moment = new Date(time.dateTime);
  if (!Number.isNaN(moment.getTime())) {
    time.textContent = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    time.title = time.dateTime;
  }
}

const SECRET = "gorillacomb-secret";

// The headers of a request to the API: under a name that other programs have too, the cookie is not enough.
export function headers() {
  const secret = sessionStorage.getItem(SECRET);
  return secret === null ? {} : { "X-GorillaComb-Secret": secret };
}

export function keepSecret(secret) {
  if (secret === null) sessionStorage.removeItem(SECRET);
  else sessionStorage.setItem(SECRET, secret);
}

// Under a name that other programs have too, a form needs the secret as well, which only a script can send.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (sessionStorage.getItem(SECRET) === null || form.method !== "post") return;
  event.preventDefault();
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { ...headers(), Accept: "text/html" },
    body: new URLSearchParams(new FormData(form, event.submitter)),
  });
  if (answer.redirected) location.assign(answer.url);
  else document.body.replaceWith(new DOMParser().parseFromString(await answer.text(), "text/html").body);
});
