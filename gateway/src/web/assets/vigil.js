// Live updates. The pages work without this; it only spares the reader the reload button.
const dot = document.getElementById("live");
const stream = new EventSource("/api/v1/events");
let due = null;

function show(on) {
  if (dot) { dot.className = on ? "live on" : "live"; }
}

// Something changed: fetch the page again and swap its content, so that there is one way to render.
async function refresh() {
  due = null;
  const typing = document.activeElement && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
  const filled = [...document.querySelectorAll("main textarea, main input[type=text]")].some((field) => field.value !== field.defaultValue);
  if (typing || filled || document.hidden) { return; }
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) { return; }
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceChildren(...fresh.querySelector("main").childNodes);
  document.querySelector(".tools").replaceWith(fresh.querySelector(".tools"));
}

function later() {
  if (due === null) { due = setTimeout(refresh, 1500); }
}

stream.addEventListener("open", () => show(true));
stream.addEventListener("error", () => show(false));
for (const kind of ["hazard", "alarm", "node", "gap", "unregistered"]) { stream.addEventListener(kind, later); }
document.addEventListener("visibilitychange", () => { if (!document.hidden) { later(); } });
