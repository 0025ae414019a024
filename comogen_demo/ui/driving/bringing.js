// A video's way in: chosen in a dialogue or dropped on the card, and uploaded.

// options: most() -> {megabytes}; free(): whether one is taken; say(text, kind); begin(name): the upload begins; broken(); done(path, name).
function attachBringing(root, {most, free, say, begin, broken, done}) {
  async function bring(file) {
    root.open = true;
    const {megabytes} = most(), large = file && file.size > megabytes * 2 ** 20;
    if (!file || !file.size || large) {
      say(!file ? 'There is no file in what was dropped: drop a video.' : large
        ? file.name + ' is over ' + megabytes + ' MB: choose a shorter or smaller video.' : file.name + ' is empty: choose another video.', 'error');
      return;
    }
    begin(file.name);
    try {
      const {path} = await upload(file);
      done(path, file.name);
    } catch { broken(); }
  }

  // Elsewhere on the page the editor takes files.
  const files = event => [...(event.dataTransfer?.types || [])].includes('Files');
  root.addEventListener('dragover', event => {
    if (!files(event)) return;
    event.preventDefault();
    event.stopPropagation();
    root.classList.add('dropping');
    window.dispatchEvent(new DragEvent('dragleave'));  // the editor lets go of it
  });
  root.addEventListener('dragleave', event => { if (!root.contains(event.relatedTarget)) root.classList.remove('dropping'); });
  root.addEventListener('drop', event => {
    if (!files(event)) return;
    event.preventDefault();
    event.stopPropagation();
    root.classList.remove('dropping');
    if (free()) bring(event.dataTransfer.files[0]);
  });

  return {
    choose() {
      const field = document.createElement('input');
      Object.assign(field, {type: 'file', accept: 'video/*,.gif,.mkv,.mov,.avi'});
      field.addEventListener('change', () => bring(field.files[0]));
      field.click();
    },
  };
}
