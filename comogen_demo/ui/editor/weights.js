// What selects and finds here, and the offer to fetch the weights of what does it better.
// Events to Python: follow (sent with restore), fetch {file}, stop_fetch. Props from Python: selection {note, advice, offers:
// [{file, name, what, size, licence, source, begun}], fetching: {file, label, share} or null, error}, as in ui/fetching.py.

// One of the offers, with a button if it may be fetched from here, else with the files that it is made of.
function weightsRow(offer, fetched) {
  const row = document.createElement('li');
  row.innerHTML = '<div><b></b><p class="note"><span></span> · <span class="facts"></span></p><p class="note source"></p></div>';
  row.querySelector('b').textContent = offer.name;
  row.querySelector('span').textContent = offer.what;
  row.querySelector('.facts').textContent = offer.size + ' · ' + offer.licence;
  row.querySelector('.source').textContent = fetched ? '' : offer.source;
  if (!fetched) return row;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'tool wide';
  button.dataset.do = 'fetch';
  row.append(button);
  button.dataset.file = offer.file;
  button.textContent = offer.begun ? 'Go on' : 'Download';
  button.setAttribute('aria-label', button.textContent + ': ' + offer.name + ', ' + offer.size);
  return row;
}

function attachWeights(editor, root) {
  const find = name => root.querySelector(name), panel = find('.offers'), list = find('.offer-list'), bar = find('.fetching');
  const rail = bar.querySelector('[role=progressbar]'), trouble = find('.fetch-trouble'), more = find('[data-do=offers]');
  let open = false, listed = '', news = '';
  const now = () => props.selection || {};
  const offered = () => (now().offers || []).length > 0 || Boolean(now().fetching || now().error);

  registerActions({
    offers: {label: 'Models that select better', enabled: offered, run: () => { open = !open; editor.set({}); }},
    fetch: {label: 'Download it', enabled: () => !now().fetching, run: (_, event) => trigger('fetch', {file: event.target.closest('[data-file]').dataset.file})},
    'stop-fetch': {label: 'Stop the download; what came is kept', enabled: () => Boolean(now().fetching), run: () => trigger('stop_fetch')},
  });

  // A download that begins or fails is shown; it may be put away.
  watch('selection', () => {
    const {fetching, error} = now(), told = fetching ? fetching.file : error || '';
    if (told && told !== news) open = true;
    news = told;
    editor.set({});
  });

  editor.listen(() => {
    const {note = '', advice = '', offers = [], fetching = null, error = ''} = now(), key = JSON.stringify([offers, advice]);
    find('.selector-note').textContent = note;
    find('.advice').textContent = advice;
    find('.advice').hidden = !advice;
    more.hidden = !offered();
    more.setAttribute('aria-expanded', open);
    panel.hidden = !open || !offered();
    if (key !== listed) {
      listed = key;
      list.replaceChildren(...offers.map(offer => weightsRow(offer, !advice)));
    }
    trouble.textContent = error;
    trouble.hidden = !error;
    bar.hidden = !fetching;
    if (!fetching) return;
    bar.querySelector('.fetch-label').textContent = fetching.label;
    rail.setAttribute('aria-valuenow', Math.round(fetching.share * 100));
    rail.firstElementChild.style.width = fetching.share * 100 + '%';
  });
}
