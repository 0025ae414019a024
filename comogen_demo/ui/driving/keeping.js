// What the browser keeps of the driving video: a key of its own, without which a clip's id is of no use to others, and the
// clip's id, beside the work of this tab (see the editor's workspace). Where storage is forbidden a reload begins anew.

const KEEPING_CLIP = 'comogen:clip:', KEEPING_OWNER = 'comogen:owner';

function keepingOwner() {
  const made = [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('');
  try {
    if (!localStorage.getItem(KEEPING_OWNER)) localStorage.setItem(KEEPING_OWNER, made);
    return localStorage.getItem(KEEPING_OWNER);
  } catch { return made; }
}

// id: '' for no clip.
function keepingSet(id) {
  try {
    const tab = sessionStorage.getItem('comogen:tab');
    if (!tab) return;
    if (id) localStorage.setItem(KEEPING_CLIP + tab, id); else localStorage.removeItem(KEEPING_CLIP + tab);
  } catch { /* forbidden */ }
}

// -> the id of this tab's clip, or ''; the editor names the tab when it has opened its work.
async function keepingFind() {
  try {
    for (let i = 0; i < 100 && !sessionStorage.getItem('comogen:tab'); i++) await new Promise(go => setTimeout(go, 50));
    return localStorage.getItem(KEEPING_CLIP + sessionStorage.getItem('comogen:tab')) || '';
  } catch { return ''; }
}
