// Serves the page where no relay can be reached: the last version that has come as a whole.
//
// Online, the page always comes from the relay. A version's files have its hash in their names, so they never change and
// come from the cache. Its index.html is kept last, when all of them are there: what is kept is always of one version.
// Everything else that a relay serves (/ws, /api, /socket.io, the docs) is none of this worker's business.

const CACHE = "duet-page";
const INDEX = "/";
// How long a relay may take to answer before the version that is kept is shown, in milliseconds.
const PATIENCE = 3000;
// Trunk writes a hash without the zeros at its beginning.
const HASHED = /[-_/.][0-9a-f]{10,16}[-_/.]/;
const WORDS = /^\/[a-z]{2}\.json$/;

self.addEventListener("install", event => {
  self.skipWaiting();
  event.waitUntil(fetch(INDEX).then(keep));
});

self.addEventListener("activate", event => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", event => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate" && url.pathname === INDEX) {
    event.respondWith(page(event));
  } else if (HASHED.test(url.pathname)) {
    event.respondWith(kept(request).then(response => response ?? fetch(request)));
  } else if (WORDS.test(url.pathname)) {
    event.respondWith(words(event));
  }
});

// The page from the relay, once all its files are there; where that takes too long, or cannot be had, the one that is kept.
async function page(event) {
  const fallback = await kept(INDEX);
  const fresh = fetch(event.request);
  const whole = fresh.then(response => response.ok ? keep(response.clone()).then(() => response) : undefined);
  event.waitUntil(whole.catch(() => {}));
  if (!fallback) return fresh;
  const patience = new Promise(resolve => setTimeout(resolve, PATIENCE));
  // A page that cannot be kept for want of room can be shown nevertheless.
  const unkept = error => error?.name === "QuotaExceededError" ? fresh : undefined;
  return await Promise.race([whole.catch(unkept), patience]).catch(() => undefined) ?? fallback;
}

// Keeps a version: all its files, then its index.html; then lets go of the files of others.
async function keep(response) {
  if (!response.ok) return;
  const text = await response.clone().text();
  const names = new Set([...text.matchAll(/["'](\/[^"'\s]+)["']/g)].map(match => match[1]).filter(name => HASHED.test(name)));
  if (names.size === 0) return;
  const cache = await caches.open(CACHE);
  const missing = [];
  for (const name of names) {
    if (!await cache.match(name)) missing.push(name);
  }
  await cache.addAll(missing);
  await cache.put(INDEX, response);
  for (const request of await cache.keys()) {
    const name = new URL(request.url).pathname;
    if (HASHED.test(name) && !names.has(name)) await cache.delete(request);
  }
}

// The words of a language, as they are now, or as they were last.
async function words(event) {
  try {
    const fresh = await fetch(event.request);
    if (fresh.ok) {
      const copy = fresh.clone();
      event.waitUntil(caches.open(CACHE).then(cache => cache.put(event.request, copy)));
    }
    return fresh;
  } catch (error) {
    const last = await kept(event.request);
    if (last) return last;
    throw error;
  }
}

async function kept(request) {
  return (await caches.open(CACHE)).match(request);
}
