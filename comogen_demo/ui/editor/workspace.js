// What survives a reload: the document, its picture and the ids of the running job and the last result, in localStorage.
// Every tab has a workspace of its own. A tab that opens takes the one it had before its reload, else the youngest
// that no open tab holds, else a new one; so two tabs never write over each other, and a closed one is found again.

const STORE = 'comogen:', KEEP = 6;

function readStore(key) {
  try { return JSON.parse(localStorage.getItem(STORE + key)); } catch { return null; }
}

// False when the browser refuses (storage full or forbidden).
function writeStore(key, value) {
  try { localStorage.setItem(STORE + key, JSON.stringify(value)); return true; } catch { return false; }
}

function savedWorkspaces() {
  const ids = [];
  try {
    for (let i = 0; i < localStorage.length; i++) {
      const match = localStorage.key(i).match(/^comogen:work:([0-9a-z]+)$/);
      if (match) ids.push(match[1]);
    }
  } catch { /* storage is forbidden: there is nothing to find */ }
  const saved = id => (readStore('work:' + id) || {}).saved || 0;
  return ids.sort((a, b) => saved(b) - saved(a));
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

async function openWorkspace() {
  let before = null;
  try { before = sessionStorage.getItem(STORE + 'tab'); } catch { /* forbidden */ }
  const fresh = Array.from(crypto.getRandomValues(new Uint8Array(8)), b => b.toString(16).padStart(2, '0')).join('');
  // A reloaded page may come a moment before the old one has let go.
  const candidates = [before, before, before, ...savedWorkspaces(), fresh].filter(Boolean);
  let id = fresh;
  for (const [i, candidate] of candidates.entries()) {
    if (await holdWorkspace(candidate, before)) { id = candidate; break; }
    if (candidate === before && i < 3) await new Promise(go => setTimeout(go, 60));
  }
  try { sessionStorage.setItem(STORE + 'tab', id); } catch { /* forbidden */ }
  for (const old of savedWorkspaces().filter(other => other !== id).slice(KEEP - 1)) {
    if (!navigator.locks || !await holdWorkspace(old, before)) continue;
    localStorage.removeItem(STORE + 'work:' + old);
    localStorage.removeItem(STORE + 'image:' + old);
  }
  // Without locks a new tab starts on a copy of the youngest draft.
  const from = navigator.locks || id === before ? id : savedWorkspaces()[0] || id;
  const {job = '', result = '', doc = null} = readStore('work:' + from) || {};
  return {id, job: from === id ? job : '', result: from === id ? result : '', doc, image: readStore('image:' + from)};
}

function saveWorkspace(work) {
  const {doc, job, result, image} = work;
  let kept = writeStore('work:' + work.id, {doc, job, result, saved: Date.now()});
  if (image && image.id !== work.imageKept) {
    kept = writeStore('image:' + work.id, image) && kept;
    if (kept) work.imageKept = image.id;
  }
  return kept;
}
