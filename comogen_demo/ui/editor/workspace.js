// What survives a reload: the document, its picture and the ids of the running job and the last result, in IndexedDB.
// Every tab has a workspace of its own. A tab that opens takes the one it had before its reload, else the youngest
// that no open tab holds, else a new one; so two tabs never write over each other, and a closed one is found again.
//
// A page that is being closed may not finish a write to IndexedDB, so it leaves its last state in localStorage too
// (where older versions kept all); whichever is younger counts, and what is taken from there moves into IndexedDB. Of work
// over the 5 MB that fit there, only the change of the last moment before closing can be lost.

const STORE = 'comogen:', KEEP = 6;

let storeOpening = null;

// The database, or null where the browser refuses it.
function openStore() {
  storeOpening ||= new Promise(done => {
    let request;
    try { request = indexedDB.open('comogen', 1); } catch { done(null); return; }
    request.onupgradeneeded = () => {
      request.result.createObjectStore('work').createIndex('saved', 'saved');
      request.result.createObjectStore('image');
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => done(null);
  });
  return storeOpening;
}

function storeDone(change) {
  return new Promise((done, failed) => {
    change.oncomplete = () => done();
    change.onerror = change.onabort = () => failed(change.error);
  });
}

// store[name][id], or null.
async function readStored(name, id) {
  const store = await openStore();
  if (!store) return null;
  return new Promise(done => {
    const request = store.transaction(name).objectStore(name).get(id);
    request.onsuccess = () => done(request.result || null);
    request.onerror = () => done(null);
  });
}

function readLocal(key) {
  try { return JSON.parse(localStorage.getItem(STORE + key)); } catch { return null; }
}

// False when the browser refuses (storage full or forbidden).
function writeLocal(key, value) {
  try { localStorage.setItem(STORE + key, JSON.stringify(value)); return true; } catch { return false; }
}

function dropLocal(id) {
  try { for (const key of ['work:', 'image:']) localStorage.removeItem(STORE + key + id); } catch { /* forbidden */ }
}

// The ids of all kept workspaces, the youngest first.
async function savedWorkspaces() {
  const ages = new Map(), store = await openStore();
  const found = (id, saved) => ages.set(id, Math.max(saved || 0, ages.get(id) || 0));
  if (store) {
    await new Promise(done => {
      const request = store.transaction('work').objectStore('work').index('saved').openKeyCursor();
      request.onerror = () => done();
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) { done(); return; }
        found(cursor.primaryKey, cursor.key);
        cursor.continue();
      };
    });
  }
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const match = localStorage.key(i).match(/^comogen:work:([0-9a-z]+)$/);
      if (match) found(match[1], (readLocal('work:' + match[1]) || {}).saved);
    }
  } catch { /* storage is forbidden: there is nothing to find */ }
  return [...ages.keys()].sort((a, b) => ages.get(b) - ages.get(a));
}

// Takes hold of a workspace for the life of this tab; false if another open tab holds it. A browser without locks (a
// page that came neither by https nor from this machine) can't tell, so there a tab holds only what it had before.
function holdWorkspace(id, before) {
  if (!navigator.locks) return Promise.resolve(id === before);
  return new Promise(answer => {
    navigator.locks.request(STORE + id, {ifAvailable: true}, lock => {
      answer(Boolean(lock));
      return lock ? new Promise(() => {}) : undefined;
    }).catch(() => answer(false));
  });
}

async function forgetWorkspace(id) {
  dropLocal(id);
  const store = await openStore();
  if (!store) return;
  const change = store.transaction(['work', 'image'], 'readwrite');
  change.objectStore('work').delete(id);
  change.objectStore('image').delete(id);
}

// -> {doc, job, result} and the picture {id, data} of a workspace, from where they are youngest.
async function readWorkspace(id) {
  const kept = await readStored('work', id), left = readLocal('work:' + id);
  const work = left && left.saved >= (kept ? kept.saved : 0) ? left : kept || {};
  const images = [await readStored('image', id), readLocal('image:' + id)].filter(Boolean);
  const image = images.find(one => work.doc && one.id === work.doc.image) || null;
  return {job: '', result: '', doc: null, ...work, image, left: Boolean(left)};
}

async function openWorkspace() {
  let before = null;
  try { before = sessionStorage.getItem(STORE + 'tab'); } catch { /* forbidden */ }
  const fresh = Array.from(crypto.getRandomValues(new Uint8Array(8)), b => b.toString(16).padStart(2, '0')).join('');
  const saved = await savedWorkspaces();
  // A reloaded page may come a moment before the old one has let go.
  const candidates = [before, before, before, ...saved, fresh].filter(Boolean);
  let id = fresh;
  for (const [i, candidate] of candidates.entries()) {
    if (await holdWorkspace(candidate, before)) { id = candidate; break; }
    if (candidate === before && i < 3) await new Promise(go => setTimeout(go, 60));
  }
  try { sessionStorage.setItem(STORE + 'tab', id); } catch { /* forbidden */ }
  for (const old of saved.filter(other => other !== id).slice(KEEP - 1)) {
    if (navigator.locks && await holdWorkspace(old, before)) await forgetWorkspace(old);
  }
  // Without locks a new tab starts on a copy of the youngest draft.
  const from = navigator.locks || id === before ? id : saved[0] || id;
  const {doc, image, job, result, left} = await readWorkspace(from);
  return {id, doc, image, left: left && from === id, job: from === id ? job : '', result: from === id ? result : ''};
}

// Leaves the state where a page that is being closed can still write; false if it does not fit or is forbidden.
function leaveWorkspace(work) {
  const {doc, job, result, image} = work;
  const imageLeft = !image || image.id === work.imageKept || writeLocal('image:' + work.id, image);
  return writeLocal('work:' + work.id, {doc, job, result, saved: Date.now()}) && imageLeft;
}

// -> false when the browser keeps nothing.
async function saveWorkspace(work) {
  const {id, doc, job, result, image} = work, store = await openStore();
  if (!store) return leaveWorkspace(work);
  try {
    const change = store.transaction(['work', 'image'], 'readwrite');
    change.objectStore('work').put({doc, job, result, saved: Date.now()}, id);
    if (image && image.id !== work.imageKept) change.objectStore('image').put(image, id);
    if (change.commit) change.commit();
    await storeDone(change);
  } catch {
    return leaveWorkspace(work);
  }
  work.imageKept = image ? image.id : null;
  if (work.left) {
    dropLocal(id);
    work.left = false;
  }
  return true;
}
