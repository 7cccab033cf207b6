// What page.sh has Chromium do. Each check is a sentence; the first that does not hold ends it, with what was seen.
"use strict";

const fs = require("fs");
const path = require("path");
const { execFileSync } = require("child_process");
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const { PAGE, COMMBOX, PAGE_TOKEN, SHOTS, FOLDER, COMMWATCH } = process.env;
const PATIENCE = 30000;
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
// CommBox's texts are HTML: this is what a customer types to be seen as it is written.
const HOSTILE = "&lt;script&gt;hurt()&lt;/script&gt;\"'&gt;&lt;img src=x onerror=hurt()&gt; \u202egnihsihp " + "long".repeat(200);
const IDA = "/watches/anyone?conversation=main%2F4";
const PAGES = ["/", "/watches", "/watches/dana", "/watches/hostile", "/watches/anyone", IDA, "/deliveries", "/deliveries?dead=on",
  "/silences", "/silences/new?of=conversation&which=main%2F4", "/notifiers", "/config", "/replay", "/login", "/watches/nobody"];

const PICTURE = process.argv.includes("--picture");
const failures = [];
let checks = 0;
function check(what, holds, seen) {
  checks += 1;
  if (holds) return;
  failures.push(what);
  console.log(`NOT SO: ${what}${seen === undefined ? "" : `: ${typeof seen === "string" ? seen : JSON.stringify(seen)}`}`);
}

async function sim(call, body) {
  const answer = await fetch(`${COMMBOX}/_sim/${call}`, { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${call}: ${await answer.text()}`);
}
const say = (object, text, more) => sim("say", { object, text, ...more });
const commwatch = (...words) => execFileSync(COMMWATCH, [...words, "-c", path.join(FOLDER, "commwatch.toml")], { encoding: "utf8" });

// Until it is so, which is asked again and again.
async function until(what, ask) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const seen = await ask();
    if (seen) return seen;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

let browser;
// A browser's window that notes whatever a page must not do.
async function open(options = {}, watched = true) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  if (watched) {
    await context.addInitScript(() => {
      window.hurt = () => console.error("HURT");
      addEventListener("securitypolicyviolation", (event) => console.error(`CSP ${event.violatedDirective} ${event.blockedURI}`));
    });
    page.on("request", (one) => {
      if (!one.url().startsWith(PAGE) && !one.url().startsWith("data:")) check("no request to another host", false, one.url());
    });
    page.on("console", (line) => {
      // A status that is meant is a line of the console as well.
      if (line.type() === "error" && !/the server responded with a status of (403|404|422)/.test(line.text())) {
        check("nothing in the console", false, `${page.url()}: ${line.text()}`);
      }
    });
    page.on("pageerror", (error) => check("no error in a script", false, `${page.url()}: ${error}`));
    page.on("dialog", (dialog) => check("no dialog", false, dialog.message()));
  }
  return page;
}

const shot = (page, name) => page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true });
const name = (at) => at.replace(/[^a-z]+/gi, "-").replace(/^-|-$/g, "") || "overview";

async function logIn(page) {
  await page.goto(`${PAGE}/login`);
  await page.getByLabel("Token of").fill(PAGE_TOKEN);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Log out" }).waitFor();
}

// Something of everything: messages, a dead letter, a silence, who waits.
async function life() {
  await say(293854, "Hello, is anybody there? My order 4711 has not arrived.");
  await say(2251799813689310, "שלום, מתי תגיע ההזמנה שלי?");
  await say(3, HOSTILE);
  await say(2, "Thank you!");
  await say(2, "You are welcome.", { author: "agent", name: "Avi Example" });
  await say(70012006, "REFUSE-ME");
  await say(4, "This is Ida. " + HOSTILE);
  await say(5, "Ida once more, elsewhere.");
  await say(1, "A longer message.\nIt has two lines, and asks for an invoice of last month, please.");
  const status = async () => (await fetch(`${PAGE}/api/status`)).json();
  await until("a dead letter", async () => (await status()).notifiers.some((one) => one.dead > 0));
  await until("both conversations of a customer", async () => (await status()).watches.some((one) => one.conversations === 2));
  await until("somebody waits", async () => (await status()).watches.filter((one) => one.waiting_since).length >= 3);
  if (PICTURE) {
    for (const object of [1, 3]) await say(object, "It is on its way.", { author: "agent", name: "Avi Example" });
    await until("two are answered", async () => (await status()).watches.filter((one) => one.waiting_since).length === 3);
    return;
  }
  commwatch("silence", "add", "--watch", "max", "--for", "2h", "--reason", `migration <script>hurt()</script>`);
}

// What axe has against a page, a line each.
async function barriers(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  return found.violations.map((one) => `${one.id} (${one.nodes.length}): ${one.nodes[0].html} ${one.nodes[0].failureSummary}`);
}

// What stands out of a page at the side.
const standsOut = (page) => page.evaluate(() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return "";
  const out = [...document.querySelectorAll("main *")].find((one) => one.getBoundingClientRect().right > root.clientWidth + 1);
  return `${root.scrollWidth} > ${root.clientWidth}: ${out?.outerHTML.slice(0, 200)}`;
});

// Checks that find nothing wrong find what is.
async function controls() {
  const page = await open({ viewport: { width: 320, height: 900 } });
  await page.goto(`${PAGE}/watches?live=off`);
  await page.evaluate(() => {
    const main = document.querySelector("main");
    main.append(document.createElement("button"), Object.assign(document.createElement("p"), { textContent: "faint" }));
    main.lastChild.style.setProperty("color", "#999");
    main.querySelector("label").remove();
    document.querySelector("h1").style.setProperty("width", "400px");
  });
  const found = (await barriers(page)).join(" ");
  for (const rule of ["button-name", "color-contrast", "label"]) check(`axe would find ${rule}`, found.includes(rule), found);
  check("a page that is too wide would be seen", (await standsOut(page)) !== "");
  await page.context().close();
}

async function everyPage() {
  const event = await (await open()).request.get(`${PAGE}/api/status`).then((answer) => answer.json())
    .then((status) => status.recent_events.find((one) => one.watch === "lee-invoices").id);
  for (const scheme of ["light", "dark"]) {
    for (const width of [1280, 320]) {
      const page = await open({ colorScheme: scheme, viewport: { width, height: 900 } });
      await logIn(page);
      for (const at of [...PAGES, `/events/${event}`]) {
        await page.goto(PAGE + at);
        const wide = await standsOut(page);
        check(`${at} is not wider than ${width} px`, wide === "", wide);
        const found = await barriers(page);
        check(`axe finds nothing on ${at} (${scheme}, ${width} px)`, found.length === 0, found.join("\n    "));
        await shot(page, `${name(at.startsWith("/events") ? "event" : at)}-${scheme}-${width}`);
      }
      // A form that is sent back with what is wrong.
      await page.goto(`${PAGE}/silences/new`);
      await page.getByLabel("Which").fill("long".repeat(60));
      await page.getByLabel("After").fill("soon");
      await page.getByLabel("Or at").fill("tomorrow");
      await page.getByLabel("Why").fill("<script>hurt()</script>");
      await page.getByRole("button", { name: "Add the silence" }).click();
      await page.getByRole("alert").waitFor();
      const wide = await standsOut(page);
      check(`a form with mistakes is not wider than ${width} px`, wide === "", wide);
      const found = await barriers(page);
      check(`axe finds nothing on a form with mistakes (${scheme}, ${width} px)`, found.length === 0, found.join("\n    "));
      await shot(page, `silence-mistakes-${scheme}-${width}`);
      await page.context().close();
    }
  }
}

async function live() {
  const page = await open();
  await page.goto(PAGE);
  await page.locator("#live", { hasText: "Live" }).waitFor();
  await page.evaluate(() => { window.stays = "since it was loaded"; document.querySelector("#main a").focus(); });
  const focused = await page.evaluate(() => document.activeElement.getAttribute("href"));
  await say(293854, "Something new");
  await page.getByText("Something new").first().waitFor();
  check("a message arrives without loading the page again", (await page.evaluate(() => window.stays)) === "since it was loaded");
  check("the focus stays where it was", (await page.evaluate(() => document.activeElement.getAttribute("href"))) === focused);
  // Paused means paused.
  await page.getByRole("link", { name: "Pause updates" }).click();
  await page.getByText("Updates are paused.").waitFor();
  check("a paused page has no script", (await page.locator("script").count()) === 0);
  // While somebody types, nothing is taken away under their fingers.
  await page.goto(`${PAGE}/watches`);
  await page.locator("#live", { hasText: "Live" }).waitFor();
  await page.getByLabel("Search").fill("dan");
  const fetched = page.waitForResponse((answer) => answer.url().endsWith("/watches"));
  await say(293854, "Something newer");
  await fetched;
  check("what is being typed stays", (await page.getByLabel("Search").inputValue()) === "dan");
  await page.context().close();
}

async function withoutScripts() {
  const page = await open({ javaScriptEnabled: false });
  await page.goto(PAGE);
  check("without scripts the page loads itself again", (await page.locator("meta[http-equiv=refresh]").count()) === 1);
  await page.goto(`${PAGE}/watches?live=off`);
  await page.getByLabel("Search").fill("levi");
  await page.getByRole("button", { name: "Show" }).click();
  check("search works without scripts", (await page.locator("tbody tr").count()) === 1);
  await page.getByRole("link", { name: "ACME / Dana Levi" }).click();
  check("a timeline works without scripts", (await page.locator("ol.timeline li").count()) > 0);
  check("whoever has not logged in is offered no change", (await page.locator("form[method=post]").count()) === 0);
  await page.getByRole("banner").getByRole("link", { name: "Log in" }).click();
  await page.getByLabel("Token of").fill("wrong");
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByText("This is not the token.").waitFor();
  await page.getByLabel("Token of").fill(PAGE_TOKEN);
  await page.getByRole("button", { name: "Log in" }).click();
  check("one is led back after logging in", page.url().includes("/watches/dana"), page.url());
  await page.getByRole("button", { name: "Acknowledge" }).click();
  await page.getByText("is acknowledged").waitFor();
  await page.goto(`${PAGE}/watches/anyone?live=off&hours=2`);
  await page.getByRole("region", { name: "Its conversations" }).getByRole("link", { name: "4", exact: true }).click();
  const alone = async () => {
    const text = await page.locator("ol.timeline").innerText();
    return text.includes("This is Ida.") && !text.includes("Ida once more") ? "" : text;
  };
  check("a conversation has a timeline of its own", (await alone()) === "", await alone());
  await page.getByRole("link", { name: "a week" }).click();
  check("which stays its own further back", page.url().includes("conversation=main%2F4") && (await alone()) === "", await alone());
  await page.getByRole("link", { name: "Silence this conversation" }).click();
  check("a form does not load itself again", (await page.locator("meta[http-equiv=refresh]").count()) === 0);
  await page.getByLabel("After").fill("soon");
  await page.getByLabel("Why").fill("I am on it");
  await page.getByLabel("sooner, when a person replies there").check();
  await page.getByRole("button", { name: "Add the silence" }).click();
  await page.getByRole("alert").getByRole("link", { name: "write how long" }).waitFor();
  check("what was written is kept", (await page.getByLabel("Which").inputValue()) === "main/4" && (await page.getByLabel("Why").inputValue()) === "I am on it");
  check("and what was chosen", (await page.getByLabel("Of", { exact: true }).inputValue()) === "conversation" && (await page.getByLabel("sooner, when a person").isChecked()));
  await page.getByLabel("After").fill("2h");
  await page.getByRole("button", { name: "Add the silence" }).click();
  await page.getByText("it is about 1 conversation").waitFor();
  check("one is led to the list", page.url().includes("/silences?said="), page.url());
  check("which has it", (await page.getByRole("rowheader", { name: "conversation main/4" }).count()) === 1);
  await page.goto(`${PAGE}/deliveries?dead=on`);
  await page.getByRole("link", { name: "Send all of them again" }).click();
  await page.getByText("1 dead letter would be sent again").waitFor();
  await page.getByRole("button", { name: "Send it again" }).click();
  await page.getByText("1 delivery is sent again").waitFor();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("banner").getByRole("link", { name: "Log in" }).waitFor();
  await page.context().close();
}

async function hostile() {
  const page = await open();
  const form = `/silences/new?of=watch&which=${encodeURIComponent("\"><script>hurt()</script><img src=x onerror=hurt()>")}`;
  await logIn(page);
  for (const at of ["/", "/watches", "/watches/hostile", "/watches/anyone", IDA, "/deliveries", "/silences", form]) {
    await page.goto(PAGE + at);
    await page.waitForLoadState("load");
    check(`no element of a hostile text is on ${at}`, (await page.locator("main script, main img").count()) === 0);
  }
  await page.goto(`${PAGE}/watches/hostile`);
  const text = await page.locator("blockquote").first().textContent();
  check("a hostile text is shown as it is written", text.startsWith("<script>hurt()</script>\"'><img src=x onerror=hurt()>"), text);
  check("what turns the direction of a text is taken out", !(await page.content()).includes("\u202e"));
  await page.context().close();
}

// With nothing but the keyboard.
async function keyboard() {
  const page = await open();
  await logIn(page);
  const reach = async (what, is) => {
    for (let n = 0; n < 60; n += 1) {
      await page.keyboard.press("Tab");
      const active = await page.evaluate(() => {
        const one = document.activeElement;
        const style = getComputedStyle(one);
        return { id: one.id, text: one.textContent, tag: one.tagName, outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 };
      });
      if (active.tag !== "BODY" && !active.outline) check(`focus is seen on ${active.tag} ${active.text}`, false);
      if (is(active)) return check(`the keyboard reaches ${what}`, true);
    }
    check(`the keyboard reaches ${what}`, false);
  };
  await page.goto(`${PAGE}/watches?live=off`);
  await page.keyboard.press("Tab");
  check("first comes the way past the navigation", (await page.evaluate(() => document.activeElement.textContent)) === "Skip to the content");
  await page.keyboard.press("Enter");
  check("which leads to the content", (await page.evaluate(() => document.activeElement.id)) === "main");
  await reach("the search", (one) => one.id === "q");
  await page.keyboard.type("ruth");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=ruth/);
  check("which finds", (await page.locator("tbody tr").count()) === 1);
  await page.goto(`${PAGE}/silences?live=off`);
  await reach("the way to a new silence", (one) => one.text.startsWith("Add a silence"));
  await page.keyboard.press("Enter");
  await page.waitForURL(/silences\/new/);
  await reach("what it is about", (one) => one.id === "of");
  await reach("which", (one) => one.id === "which");
  await page.keyboard.type("lee-invoices");
  await reach("how long", (one) => one.id === "for");
  await page.keyboard.type("1h");
  await reach("why", (one) => one.id === "reason");
  await page.keyboard.type("by keyboard");
  await page.keyboard.press("Enter");
  await page.waitForURL(/silences\?said=/);
  check("a silence is added with the keyboard alone", (await page.getByText("by keyboard").count()) > 0);
  await reach("its end", (one) => one.tag === "BUTTON" && one.text.includes("watch lee-invoices"));
  await page.keyboard.press("Enter");
  await page.getByText("alerts of watch lee-invoices go out again").waitFor();
  const before = (await (await page.request.get(`${PAGE}/api/status`)).json()).recent_deliveries.length;
  await page.goto(`${PAGE}/deliveries?live=off`);
  await reach("a replay", (one) => one.tag === "BUTTON" && one.text.startsWith("Send again"));
  await page.keyboard.press("Enter");
  await page.getByText("1 delivery is sent again").waitFor();
  await until("it is sent again", async () => {
    const status = await (await page.request.get(`${PAGE}/api/status`)).json();
    return status.recent_deliveries.length > before;
  });
  await page.context().close();
}

// Only a page of ours, with the token, changes something.
async function refused() {
  const plain = await open();
  const status = await (await plain.request.get(`${PAGE}/api/status`)).json();
  const form = { event: status.recent_events[0].id };
  const post = (context, headers) => context.request.post(`${PAGE}/replay`, { form, headers, maxRedirects: 0 }).then((answer) => answer.status());
  const bearer = { authorization: `Bearer ${PAGE_TOKEN}` };
  check("without the token a change is refused", (await post(plain, { origin: PAGE })) === 401);
  check("a wrong token is refused", (await post(plain, { authorization: "Bearer wrong" })) === 401);
  check("a bearer may", (await post(plain, bearer)) === 200);
  check("a bearer on another page may not", (await post(plain, { ...bearer, origin: "http://evil.example" })) === 403);
  const page = await open({}, false);
  await logIn(page);
  const silence = (headers) => page.context().request.post(`${PAGE}/silences/new`, { form: { of: "watch", which: "max", for: "1h", reason: "x" }, headers, maxRedirects: 0 }).then((answer) => answer.status());
  check("no silence is added from another page", (await silence({ origin: "http://127.0.0.1:1" })) === 403);
  check("nor from nowhere", (await silence({})) === 403);
  check("a session may from our page", (await post(page, { origin: PAGE })) === 303);
  check("and not from another", (await post(page, { origin: "http://127.0.0.1:1" })) === 403);
  check("and not from nowhere", (await post(page, {})) === 403);
  const [cookie] = await page.context().cookies();
  check("no script sees the cookie", cookie.httpOnly && cookie.sameSite === "Strict", cookie);
  // Another port of this machine is the same site, for which the cookie alone would do.
  const other = require("http").createServer((_, answer) => {
    answer.setHeader("content-type", "text/html");
    answer.end(`<form method="post" action="${PAGE}/replay"><input name="event" value="${form.event}"><button>go</button></form>`);
  });
  await new Promise((done) => other.listen(0, "127.0.0.1", done));
  await page.goto(`http://127.0.0.1:${other.address().port}/`);
  const [answer] = await Promise.all([page.waitForResponse((one) => one.url() === `${PAGE}/replay`), page.getByRole("button").click()]);
  check("a form of another port is refused", answer.status() === 403, answer.status());
  check("though the browser sends the cookie", Boolean((await answer.request().allHeaders()).cookie));
  other.close();
  await page.context().close();
}

// For the README: what a person sees first.
async function picture() {
  const page = await open({ viewport: { width: 1180, height: 760 }, colorScheme: "light" });
  await logIn(page);
  await page.goto(PAGE);
  await page.locator("#live", { hasText: "Live" }).waitFor();
  await page.screenshot({ path: path.join(SHOTS, "readme.png") });
}

async function main() {
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
  try {
    await life();
    if (PICTURE) return await picture();
    await everyPage();
    await controls();
    await live();
    await hostile();
    await keyboard();
    await refused();
    await withoutScripts();
  } finally {
    await browser.close();
  }
  console.log(`${checks} checks, ${failures.length} failures`);
  if (failures.length) process.exitCode = 1;
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
