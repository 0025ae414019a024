// What selects and finds here, and the offer to fetch the weights of what does it better.
// Events to Python: fetch {file}, stop_fetch. Props from Python: selection {note, advice, offers: [{file, name, what, size,
// licence, begun}], fetching: {file, label, share} or null, error}, as told in ui/fetching.py.

function weightsRow(offer) {
  const row = document.createElement('li');
  row.innerHTML = '<div><b></b><p class="note"></p></div><button type="button" class="tool wide" data-do="fetch"></button>';
  row.querySelector('b').textContent = offer.name;
  row.querySelector('p').textContent = offer.what + ' · ' + offer.size + ' · ' + offer.licence;
  const button = row.querySelector('button');
  button.dataset.file = offer.file;
  button.textContent = offer.begun ? 'Go on' : 'Download';
  button.setAttribute('aria-label', button.textContent + ': ' + offer.name + ', ' + offer.size);
  return row;
}

function attachWeights(editor, root) {
  const find = name => root.querySelector(name), panel = find('.offers'), list = find('.offer-list'), bar = find('.fetching');
  const rail = bar.querySelector('[role=progressbar]'), trouble = find('.fetch-trouble'), more = find('[data-do=offers]');
  let open = false, listed = '';
  const now = () => props.selection || {};
  const offered = () => (now().offers || []).length > 0 || Boolean(now().advice);

  registerActions({
    offers: {label: 'Models that select better', enabled: offered, run: () => { open = !open; editor.set({}); }},
    fetch: {label: 'Download it', enabled: () => !now().fetching, run: (_, event) => trigger('fetch', {file: event.target.closest('[data-file]').dataset.file})},
    'stop-fetch': {label: 'Stop the download; what came is kept', enabled: () => Boolean(now().fetching), run: () => trigger('stop_fetch')},
  });

  watch('selection', () => editor.set({}));

  editor.listen(() => {
    const {note = '', advice = '', offers = [], fetching = null, error = ''} = now(), key = JSON.stringify(offers);
    find('.selector-note').textContent = note;
    find('.advice').textContent = advice;
    find('.advice').hidden = !advice;
    more.hidden = !offered();
    more.setAttribute('aria-expanded', open);
    panel.hidden = !fetching && !error && !(open && offered());
    if (key !== listed) {
      listed = key;
      list.replaceChildren(...offers.map(weightsRow));
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
