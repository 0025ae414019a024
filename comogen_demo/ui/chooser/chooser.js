// The choice of a model. Events to Python: look (what is on this machine is wanted), choose {key}, fetch {name, accepted}, stop,
// fetched (the weights of the chosen one have come).
// Props from Python, as in ui/choosing.py: name (of the chosen model), chosen (its key), models [{key, name, facts: [[what, text]],
// trouble, offer: {name, licence, label, allowed, page, command} or null}], download {fetching: {label, share} or null, error}.

const root = element.querySelector('.chooser'), find = name => root.querySelector(name), select = find('select');
const tick = find('.tick input'), fetchButton = find('[data-do=fetch]'), stopButton = find('[data-do=stop]');
const now = () => (props.models || []).find(model => model.key === select.value);
let listed = '', offered = '', lacking = '';

function list() {
  const names = JSON.stringify((props.models || []).map(model => [model.key, model.name]));
  if (names !== listed) {
    listed = names;
    select.replaceChildren(...(props.models || []).map(model => new Option(model.name, model.key)));
  }
  select.value = props.chosen;
  draw();
  const lacks = now() && now().offer ? now().key : '';
  if (lacking && !lacks && now() && now().key === lacking) trigger('fetched');
  lacking = lacks;
}

function draw() {
  const model = now(), waiting = !model, {fetching = null, error = ''} = props.download || {};
  find('.name').textContent = props.name;
  find('.wait').hidden = !waiting;
  find('.field').hidden = waiting;
  find('dl').replaceChildren(...(model ? model.facts : []).flatMap(([what, text]) => {
    const term = document.createElement('dt'), said = document.createElement('dd');
    term.textContent = what;
    said.textContent = text;
    return [term, said];
  }));
  const told = error || (model ? model.trouble : '');
  find('.told').textContent = told;
  find('.told').hidden = !told;
  const offer = model && !fetching ? model.offer : null;
  find('.offer').hidden = !offer;
  if (offer) {
    if (offer.name !== offered) tick.checked = false;  // each licence is accepted by itself
    offered = offer.name;
    find('.tick').hidden = fetchButton.hidden = !offer.allowed;
    find('.tick span').textContent = 'I accept the licence: ' + offer.licence;
    fetchButton.textContent = offer.label;
    fetchButton.disabled = !tick.checked;
    find('.offer a').href = offer.page;
    find('.command').textContent = offer.command;
  }
  find('.fetching').hidden = !fetching;
  if (!fetching) return;
  find('.fetch-label').textContent = fetching.label;
  find('.rail').setAttribute('aria-valuenow', Math.round(fetching.share * 100));
  find('.rail i').style.width = fetching.share * 100 + '%';
}

root.addEventListener('toggle', () => { if (root.open) trigger('look'); });
select.addEventListener('change', () => { draw(); trigger('choose', {key: select.value}); });
tick.addEventListener('change', draw);
fetchButton.addEventListener('click', () => trigger('fetch', {name: now().offer.name, accepted: tick.checked}));
stopButton.addEventListener('click', () => trigger('stop'));
watch(['models', 'chosen'], list);
watch(['download', 'name'], draw);
list();
