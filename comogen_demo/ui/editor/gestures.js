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
  const paint = paintTools(editor, {pointOf, far, moved, subtracts, brushAt, show});

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

  // Moving

  // The track to drag with its pose where the drag begins. At the first frame the end pose is meant, if there is one to be
  // seen: there the object is where it is. Between two shapes, what is shown becomes a shape of its own.
  function held(track) {
    const shapes = editor.shapes(track), last = editor.doc.frames - 1;
    const t = editor.time < 1 && editor.moment(track, last) ? last : Math.round(editor.time);
    const moment = editor.moment(track, editor.time), now = poseAt(track, shapes, editor.time);
    if (moment && moment.kind === 'redrawn') {
      const url = editor.keepShape(paintBits(moment, shapes, editor.width, editor.height));
      const redrawn = addShapeKey(track, t, url), key = redrawn.keyframes.find(one => one.t === t);
      return {t, track: redrawn, pose: {...REST, shape: key.shape}, now: REST};
    }
    // A track without keyframes rests: it keeps doing so before the one that is made.
    const base = track.keyframes.length ? track : setKey(track, 0, {});
    const pose = poseAt(track, shapes, t), from = shapes[now.shape].centre, to = shapes[pose.shape].centre;
    return {t, track: base, pose, now: {...now, x: now.x + from.x - to.x, y: now.y + from.y - to.y}};
  }

  // A drag that changes one keyframe: pose(point, event) -> what changes in the one at t.
  function keyAct(start, begin, pose) {
    const before = {time: editor.time, keyT: editor.keyT};
    let hold = null, next = null;
    return {
      move(point, event) {
        if (!hold) {
          if (!moved(point, start)) return;
          hold = begin();
          editor.set({time: hold.t, keyT: hold.t});
        }
        const track = setKey(hold.track, hold.t, pose(hold, point, event));
        next = withTrack(editor.doc, track.id, () => track);
        editor.preview(next);
      },
      end() {
        if (next) editor.commit(next, {seek: hold.t, trackId: hold.track.id});
      },
      cancel() {
        editor.drop();
        editor.set(before);
      },
    };
  }

  const locked = (dx, dy, event) => !event.shiftKey ? [dx, dy] : Math.abs(dx) >= Math.abs(dy) ? [dx, 0] : [0, dy];
  const sized = scale => Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale));

  function dragAct(kind, track, start, pressed) {
    const grip = gripOf(editor, track), angle = p => Math.atan2(p.y - grip.y, p.x - grip.x) * 180 / Math.PI;
    const inner = keyAct(start, () => held(track), ({pose, now}, point, event) => {
      if (kind === 'scale') return {...pose, scale: sized(now.scale * far(point, grip) / Math.max(1, far(start, grip)))};
      if (kind === 'rotate') {
        const rotation = wrapDegrees(now.rotation + angle(point) - angle(start));
        return {...pose, rotation: event.shiftKey ? wrapDegrees(Math.round(rotation / 15) * 15) : rotation};
      }
      const [dx, dy] = locked(point.x - start.x, point.y - start.y, event);
      return {...pose, x: now.x + dx, y: now.y + dy};
    });
    if (kind !== 'move' || !pressed.shiftKey) return inner;
    // A click with Shift refines the mask under it, a drag with Shift moves it along one axis.
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

  // A keyframe's dot on the path: its place is moved, wherever in time the editor stands.
  function dotAct(track, key, start) {
    const made = keyAct(start, () => ({t: key.t, track}), (hold, point, event) => {
      const [dx, dy] = locked(point.x - start.x, point.y - start.y, event);
      return {x: key.x + dx, y: key.y + dy};
    });
    editor.set({time: key.t, keyT: key.t});
    return made;
  }

  // Two fingers: the mask follows them, turned and resized as they are to each other.
  function pinchAct(track, first, second) {
    const hold = held(track), grip = gripOf(editor, track), pair = () => [fingers.get(first), fingers.get(second)];
    const before = {time: editor.time, keyT: editor.keyT}, [a, b] = pair();
    const middle = (p, q) => ({x: (p.x + q.x) / 2, y: (p.y + q.y) / 2}), angle = (p, q) => Math.atan2(q.y - p.y, q.x - p.x);
    let next = null;
    return {
      move() {
        const [p, q] = pair(), {pose, now} = hold, from = middle(a, b), to = middle(p, q);
        const scale = sized(now.scale * far(p, q) / Math.max(1, far(a, b))), growth = scale / now.scale, turn = angle(p, q) - angle(a, b);
        // The point of the mask between the fingers stays between them.
        const dx = (grip.x - from.x) * growth, dy = (grip.y - from.y) * growth, cos = Math.cos(turn), sin = Math.sin(turn);
        const x = to.x + cos * dx - sin * dy, y = to.y + sin * dx + cos * dy;
        const changed = setKey(hold.track, hold.t, {
          ...pose, scale, rotation: wrapDegrees(now.rotation + turn * 180 / Math.PI), x: now.x + x - grip.x, y: now.y + y - grip.y,
        });
        next = withTrack(editor.doc, track.id, () => changed);
        editor.set({time: hold.t, keyT: hold.t});
        editor.preview(next);
      },
      end() {
        if (next) editor.commit(next, {seek: hold.t, trackId: track.id});
      },
      cancel() { editor.drop(); editor.set(before); },
      pinch: true,
    };
  }

  // The pointer

  const brushes = () => editor.tool === 'brush' || editor.tool === 'eraser';

  function begin(point, event) {
    const {tool} = editor;
    if (brushes()) return paint.stroke(point, event);
    if (tool === 'lasso') return paint.lasso(point, event);
    if (tool === 'box') return paint.box(point, event);
    if (tool === 'polygon') { paint.polygon(point, event); return null; }
    const target = targetAt(editor, point, event.pointerType === 'touch');
    const handle = ['rotate', 'scale'].includes(target.kind), other = target.track && target.track.id !== editor.trackId;
    const refines = event.altKey || event.button === 2 || editor.negative && !handle || event.shiftKey && other;
    if (target.kind === 'scene' || refines) return clickAct(point, event);
    if (target.kind === 'key') return dotAct(target.track, target.key, point);
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
      act = pinchAct(editor.track(), ...fingers.keys());
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
