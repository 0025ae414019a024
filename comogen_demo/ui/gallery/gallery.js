// Example scenes as buttons; a click asks Python for the scene's first frame.

const list = element.querySelector('.gallery');
list.replaceChildren(...props.value.map(({index, title, url}) => {
  const button = document.createElement('button'), picture = document.createElement('img');
  button.type = 'button';
  button.title = title;
  button.setAttribute('role', 'listitem');
  button.setAttribute('aria-label', title);
  Object.assign(picture, {src: url, alt: '', draggable: false});
  button.append(picture);
  button.addEventListener('click', () => {
    for (const other of list.children) other.classList.toggle('chosen', other === button);
    trigger('choose', {index});
  });
  return button;
}));
