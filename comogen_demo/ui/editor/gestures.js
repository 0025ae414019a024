// Pointer gestures on the canvas, for mouse, finger and pen. A press begins an act: {move(point, event), end(point, event),
// cancel()} in frame pixels; a second finger may turn it into a pinch. What the pointer is just drawing is in
// `editor.live`, for drawing.js. Only `end` changes the document; `cancel` leaves everything as it was before the press.

const SLOP = 4, MAX_BRUSH = 256;  // css pixels that count as a drag; frame pixels

function attachGestures(editor) {
  const {canvas, root} = editor, fingers = new Map();
  let act = null, hover = null;

  const pointOf = event => {
    const box = canvas.getBoundingClientRect();
    return {x: (event.clientX - box.left) / box.width * editor.width, y: (event.clientY - box.top) / box.height * editor.height};
  };
  const far = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
  const moved = (a, b) => far(a, b) > SLOP * editor.unit;
  const subtracts = event => editor.negative || event.altKey || event.button === 2;
  const show = live => { editor.live = live; editor.set({}); };
  const brushAt = (point, event) => event.pointerType === 'touch' ? null
    : {brush: {...point, radius: editor.brush}, subtract: editor.tool === 'eraser' || editor.negative || event.altKey};
  const paint = paintTools(editor, {pointOf, far, moved, subtracts, brushAt, show}), move = moveTools(editor, {far, moved});

  // Selecting and refining

  // A press on no mask asks for one: with a mouse at once, so that the same drag can move it on; with a finger when it
  // lifts, as it may be scrolling the page.
  function clickAct(start, event) {
    const touch = event.pointerType === 'touch', refine = event.shiftKey || subtracts(event), negative = subtracts(event);
    const asked = !touch && !refine;
    if (asked) selectHere(start);
    return {
      move(point, later) {
        if (!asked || editor.picking || !moved(point, start)) return;
        const track = editor.track();
        if (track && !track.locked && maskAt(editor, track, start)) act = dragAct('move', track, start, later);
      },
      end(point) {
        if (moved(point, start)) return;
        if (refine) refineAt(start, !negative);
        else if (!asked) selectHere(start);
      },
      cancel() {},
    };
  }

  // The object at a point becomes a track; if one has it already, though it has moved away since, that one is selected.
  function selectHere(point) {
    const own = editor.track();
    if (own && own.locked && maskAt(editor, own, point)) {
      editor.say('"' + own.name + '" is locked: unlock it in the list to change it.');
      return;
    }
    const free = editor.tracks().filter(track => track.visible && !track.locked);
    const here = free.find(track => maskAt(editor, track, point, 0, 0));
    if (here) editor.set({trackId: here.id});
    else editor.pick({points: [{...point, positive: true}], box: null, trackId: ''});
  }

  // One more point for the selected track's first mask, which is the one of the first frame.
  function refineAt(point, positive) {
    const track = editor.track();
    if (!track) {
      if (positive) selectHere(point);
      else editor.say('There is nothing to take away from yet: select an object first.');
      return;
    }
    if (track.locked) {
      editor.say('"' + track.name + '" is locked: unlock it in the list to change it.');
      return;
    }
    // On a mask that has moved, the place is meant that it came from.
    const shapes = editor.shapes(track), moment = editor.moment(track, editor.time), first = shapes[0];
    let at = point;
    if (moment && moment.parts.length === 1 && moment.parts[0].shape === 0 && maskAt(editor, track, point)) {
      const rest = gripIn({x: moment.x, y: moment.y, ...moment.parts[0]}, point);
      at = {x: rest.x + first.centre.x, y: rest.y + first.centre.y};
    }
    editor.pick({points: [{x: at.x, y: at.y, positive}], box: null, trackId: track.id});
    if (at !== point && moved(at, point)) editor.set({time: 0});
  }

  // A press on a mask, or on one of its handles. A click with Shift refines it, a drag with Shift moves it along one axis.
  function dragAct(kind, track, start, pressed) {
    const inner = move.drag(kind, track, start, pressed);
    if (kind !== 'move' || !pressed.shiftKey) return inner;
    let dragged = false;
    return {
      move(point, event) {
        dragged ||= moved(point, start);
        inner.move(point, event);
      },
      end() { dragged ? inner.end() : refineAt(start, true); },
      cancel: inner.cancel,
    };
  }

  // A click in the box of something that was found chooses it, or lets it go.
  function foundAct(index, start) {
    return {move() {}, end(point) { if (!moved(point, start)) foundToggle(editor, index); }, cancel() {}};
  }

  // The pointer

  const brushes = () => editor.tool === 'brush' || editor.tool === 'eraser';

  function begin(point, event) {
    const {tool} = editor;
    if (brushes()) return paint.stroke(point, event);
    if (tool === 'lasso') return paint.lasso(point, event);
    if (tool === 'box') return paint.box(point, event);
    if (tool === 'polygon') { paint.polygon(point, event); return null; }
    const found = foundAt(editor, point);
    if (found >= 0) return foundAct(found, point);
    const target = targetAt(editor, point, event.pointerType === 'touch');
    const handle = ['rotate', 'scale'].includes(target.kind), other = target.track && target.track.id !== editor.trackId;
    const refines = event.altKey || event.button === 2 || editor.negative && !handle || event.shiftKey && other;
    if (target.kind === 'scene' || refines) return clickAct(point, event);
    if (target.kind === 'key') return move.dot(target.track, target.key, point, event);
    if (other) editor.set({trackId: target.track.id});
    return dragAct(target.kind, target.track, point, event);
  }

  function pinchable() {
    const track = editor.track(), points = [...fingers.values()];
    if (editor.tool !== 'select' || fingers.size !== 2 || !track || track.locked || !track.visible || !gripOf(editor, track)) return false;
    const [a, b] = points, middle = {x: (a.x + b.x) / 2, y: (a.y + b.y) / 2};
    return [a, b, middle].some(point => maskAt(editor, track, point, 2 * TOUCH * editor.unit));
  }

  function cursorFor(point, event) {
    if (!editor.frame) return 'default';
    if (brushes()) return 'none';
    if (editor.tool !== 'select') return 'crosshair';
    if (act) return 'grabbing';
    if (foundAt(editor, point) >= 0) return 'pointer';
    if (subtracts(event)) return 'crosshair';
    return {rotate: 'alias', scale: 'nwse-resize', key: 'move', move: 'grab', scene: 'pointer'}[targetAt(editor, point, false).kind];
  }

  canvas.addEventListener('pointerdown', event => {
    const point = pointOf(event);
    if (event.pointerType === 'touch') fingers.set(event.pointerId, point);
    if (!editor.frame || ![0, 2, 5].includes(event.button)) return;
    if (act) {
      if (event.pointerType !== 'touch' || !pinchable()) return;
      act.cancel();
      const ids = [...fingers.keys()];
      act = move.pinch(editor.track(), () => ids.map(id => fingers.get(id)));
      return;
    }
    editor.stop();
    act = begin(point, event);
    if (act) act.id = event.pointerId;
    ({tool, frame} = editor);  // a tool chosen since the last redraw is this press's own
    // A pointer that no device made can't be captured; its events come to the canvas anyhow.
    try { canvas.setPointerCapture(event.pointerId); } catch { /* as said */ }
    canvas.style.cursor = cursorFor(point, event);
  });

  canvas.addEventListener('pointermove', event => {
    const point = pointOf(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, point);
    if (act && (act.pinch || act.id === event.pointerId)) {
      const id = act.id;
      act.move(point, event);
      if (act) act.id = id;  // a click may have become a drag
      return;
    }
    if (act || event.pointerType === 'touch') return;
    hover = point;
    canvas.style.cursor = cursorFor(point, event);
    if (paint.corners) paint.hover(point);
    else if (brushes()) show(brushAt(point, event));
  });

  const lift = (event, way) => {
    const point = pointOf(event), mine = act && (act.pinch ? fingers.has(event.pointerId) : act.id === event.pointerId);
    fingers.delete(event.pointerId);
    if (!mine) return;
    const done = act;
    act = null;
    done[way](point, event);
    if (event.pointerType !== 'touch') canvas.style.cursor = cursorFor(point, event);
  };
  canvas.addEventListener('pointerup', event => lift(event, 'end'));
  canvas.addEventListener('pointercancel', event => lift(event, 'cancel'));
  canvas.addEventListener('pointerleave', () => {
    hover = null;
    if (!act && editor.live && editor.live.brush) show(null);
  });
  canvas.addEventListener('contextmenu', event => event.preventDefault());

  // A finger on an object moves it, elsewhere it scrolls the page.
  canvas.addEventListener('touchstart', event => {
    const [touch] = event.changedTouches, mine = editor.frame && event.cancelable
      && (editor.tool !== 'select' || event.touches.length > 1 || targetAt(editor, pointOf(touch), true).kind !== 'scene');
    if (mine) event.preventDefault();
  }, {passive: false});

  canvas.addEventListener('wheel', event => {
    if (!brushes() || !event.deltaY || event.ctrlKey) return;
    event.preventDefault();
    editor.set({brush: Math.min(MAX_BRUSH, Math.max(1, editor.brush * (event.deltaY < 0 ? 1.12 : 1 / 1.12)))});
    if (!act) show(brushAt(pointOf(event), event));
  }, {passive: false});

  root.addEventListener('keydown', event => {
    const {key} = event, corners = paint.corners, drawing = corners && ['Escape', 'Backspace', corners > 2 && 'Enter'].includes(key);
    if (!(act && key === 'Escape' || drawing) || event.target.closest('input, select, textarea, dialog')) return;
    event.preventDefault();
    event.stopPropagation();
    if (act) { const done = act; act = null; done.cancel(); return; }
    ({Enter: paint.close, Escape: paint.drop, Backspace: paint.back})[key](hover);
  }, true);

  // Another tool or another picture lets go of what was being drawn before.
  let {tool, frame} = editor;
  editor.listen(() => {
    const {live} = editor;
    if (live && live.brush && !act && live.brush.radius !== editor.brush) show({...live, brush: {...live.brush, radius: editor.brush}});
    canvas.style.touchAction = editor.tool === 'select' ? 'pan-y' : 'none';
    if (editor.tool === tool && editor.frame === frame) return;
    ({tool, frame} = editor);
    if (act) { act.cancel(); act = null; }
    if (paint.corners) paint.drop();
    else if (editor.live) show(null);
  });
  canvas.style.touchAction = 'pan-y';
}
