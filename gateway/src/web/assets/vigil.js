// Live updates. The pages work without this; it only spares the reader the reload button.
const KINDS = ["hazard", "alarm", "node", "gap", "unregistered"];
let stream = null;
let due = null;

function show(on) {
  const dot = document.getElementById("live");
  if (dot) { dot.className = on ? "live on" : "live"; }
}

// Only while somebody looks: a browser has few connections for all its tabs. A page without the light is not told.
function listen() {
  if (document.hidden || stream || !document.getElementById("live")) { return; }
  stream = new EventSource("/api/v1/events");
  stream.addEventListener("open", () => show(true));
  stream.addEventListener("error", () => show(false));
  for (const kind of KINDS) { stream.addEventListener(kind, later); }
}

function rest() {
  if (stream) { stream.close(); }
  stream = null;
  show(false);
}

function later() {
  if (due === null) { due = setTimeout(refresh, 1500); }
}

// What the reader has opened or stands on is found again by its place or address.
function keep(main) {
  const open = [...main.querySelectorAll("details")].map((one) => one.open);
  const link = main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  return (fresh) => {
    fresh.querySelectorAll("details").forEach((one, at) => { one.open = open[at] ?? one.open; });
    if (link) { [...fresh.querySelectorAll("a")].find((one) => one.getAttribute("href") === link)?.focus({ preventScroll: true }); }
  };
}

// Something changed: fetch the page again and swap its content, so that there is one way to render.
async function refresh() {
  due = null;
  const main = document.querySelector("main");
  const typing = document.activeElement && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
  const fields = [...main.querySelectorAll("textarea, input:not([type=hidden])")];
  const marked = String(getSelection()).length > 0;
  // What a refused form says must stay until it is answered.
  if (typing || marked || document.hidden || main.querySelector("[role=alert] ~ form, [aria-invalid], [data-keep]")) { return; }
  if (fields.some((field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked)) { return; }
  const chosen = [...main.querySelectorAll("select")].some((one) => one.value !== ([...one.options].find((option) => option.defaultSelected) ?? one.options[0])?.value);
  if (chosen) { return; }
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) { return; }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const restore = keep(main);
  main.replaceChildren(...fresh.querySelector("main").childNodes);
  restore(main);
  document.querySelector(".clock time")?.replaceWith(fresh.querySelector(".clock time"));
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { rest(); } else { listen(); later(); }
});
// A page that comes back from the browser's memory is old.
addEventListener("pageshow", (event) => { if (event.persisted) { listen(); later(); } });
addEventListener("pagehide", rest);
listen();
