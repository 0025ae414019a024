// The document and all it was before; states share what did not change. Prompt, settings and model belong to the fields
// beside the editor, so going back and forth leaves them as they are.

function makeHistory() {
  let past = [], future = [];
  const keeping = (doc, present) => ({...doc, prompt: present.prompt, settings: present.settings, model: present.model});
  return {
    push(doc) { past.push(doc); future = []; },
    undo(present) {
      if (!past.length) return present;
      future.push(present);
      return keeping(past.pop(), present);
    },
    redo(present) {
      if (!future.length) return present;
      past.push(present);
      return keeping(future.pop(), present);
    },
    get canUndo() { return past.length > 0; },
    get canRedo() { return future.length > 0; },
  };
}
