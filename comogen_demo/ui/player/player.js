// Videos of the same length side by side, played in step; the first one leads.

const root = element.querySelector('.player'), films = root.querySelector('.films'), links = root.querySelector('.links');
const seek = root.querySelector('.seek'), clock = root.querySelector('.clock'), button = root.querySelector('[data-do=play]');
let videos = [], tick = 0;

const frameOf = video => Math.min(props.value.frames - 1, Math.floor(video.currentTime * props.value.fps + 0.01));

function build() {
  const value = props.value;
  cancelAnimationFrame(tick);
  root.hidden = !value;
  if (!value) { films.replaceChildren(); videos = []; return; }
  videos = [];
  films.dataset.count = value.videos.length;
  films.style.setProperty('--aspect', value.aspect);
  films.replaceChildren(...value.videos.map(({label, url}) => {
    const figure = document.createElement('figure'), caption = document.createElement('figcaption');
    const video = document.createElement('video');
    Object.assign(video, {src: url, muted: true, playsInline: true, preload: 'auto', disablePictureInPicture: true});
    video.setAttribute('aria-label', label);
    video.onerror = () => { caption.textContent = label + ' (could not be loaded: reload the page)'; };
    caption.textContent = label;
    figure.append(video, caption);
    videos.push(video);
    return figure;
  }));
  links.replaceChildren(...value.links.map(({label, url, name}) => {
    const link = document.createElement('a');
    Object.assign(link, {href: url, download: name, textContent: label});
    return link;
  }));
  seek.max = value.frames - 1;
  videos[0].onended = () => { for (const v of videos) v.currentTime = 0; play(); };
  play();
}

function play() {
  for (const video of videos) video.play().catch(() => {});
  cancelAnimationFrame(tick);
  follow();
}

function pause() {
  for (const video of videos) video.pause();
  follow();
}

// Shows the time, and brings a video that has drifted by more than half a frame back in step.
function follow() {
  const lead = videos[0];
  if (!lead || !root.isConnected) return;
  const frame = frameOf(lead);
  seek.value = frame;
  clock.textContent = (frame + 1) + ' / ' + props.value.frames;
  root.classList.toggle('playing', !lead.paused);
  for (const video of videos.slice(1)) {
    if (!lead.ended && Math.abs(video.currentTime - lead.currentTime) > 0.5 / props.value.fps) video.currentTime = lead.currentTime;
  }
  if (!lead.paused) tick = requestAnimationFrame(follow);
}

button.addEventListener('click', () => videos[0] && (videos[0].paused ? play() : pause()));
seek.addEventListener('input', () => {
  for (const video of videos) video.currentTime = (Number(seek.value) + 0.5) / props.value.fps;
  pause();
});
watch('value', build);
build();
