// Keeps the page as it would be if it were loaded now. Everything works without it.
"use strict";

const LOOK_EVERY = 15000; // ages go by, also when nothing happens
const REOPEN_AFTER = 60000; // when the daemon has no room for a stream
const label = document.getElementById("live");
let main = document.querySelector("main");
let busy = false;
let again = false;

function say(words, tone) {
  if (label.textContent !== words) label.textContent = words;
  label.className = "state " + tone;
}

// What was focused or opened is found again by what it is.
function key(element) {
  const form = element.closest("form");
  const about = form && form.parentElement.closest("tr, article, section");
  return [
    element.tagName, element.id, element.getAttribute("href"), element.name,
    form && form.getAttribute("action"), about && about.querySelector("th, h2, h3")?.textContent,
    element.textContent,
  ].join("\n");
}

function isWriting() {
  const active = document.activeElement;
  return active && main.contains(active) && active.matches("input:not([type=hidden]), select, textarea");
}

function show(page) {
  const fresh = page.querySelector("main");
  if (!fresh || isWriting()) return;
  const active = document.activeElement;
  const wanted = active && active !== main && main.contains(active) ? key(active) : null;
  const nav = page.querySelector("header nav");
  const old = document.querySelector("header nav");
  if (nav && old && !old.contains(active)) old.replaceWith(document.adoptNode(nav));
  const footer = page.querySelector("footer .soft");
  if (footer) document.querySelector("footer .soft").replaceWith(document.adoptNode(footer));
  main.dataset.seen = fresh.dataset.seen;
  main.replaceChildren(...document.adoptNode(fresh).childNodes);
  document.title = page.title;
  if (wanted !== null) {
    for (const one of main.querySelectorAll("a, button, [tabindex]")) {
      if (key(one) === wanted) {
        one.focus({ preventScroll: true });
        break;
      }
    }
  }
}

async function look() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "manual" });
    if (answer.type === "opaqueredirect") return location.reload(); // it wants the token again
    if (!answer.ok && answer.status !== 404) throw new Error(String(answer.status));
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    say("Live", "good");
  } catch {
    say("No connection", "bad");
  } finally {
    busy = false;
    if (again) {
      again = false;
      look();
    }
  }
}

let stream = null;

// A page that nobody looks at takes no room: neither the daemon's nor that of the browser, which opens few connections.
function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource("/api/stream?seen=" + encodeURIComponent(main.dataset.seen));
  stream.addEventListener("open", () => say("Live", "good"));
  stream.addEventListener("changed", look);
  stream.addEventListener("error", () => {
    if (stream?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    stream = null;
    setTimeout(listen, REOPEN_AFTER);
    look();
  });
}

function rest() {
  stream?.close();
  stream = null;
}

addEventListener("pagehide", rest);
addEventListener("pageshow", (event) => event.persisted && location.reload());
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return rest();
  listen();
  look();
});
setInterval(() => document.hidden || look(), LOOK_EVERY);
listen();
