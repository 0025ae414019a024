// Moving, turning and resizing a mask by pointer: acts as in gestures.js. They change the keyframe at the present time, or
// all keyframes alike with the switch "Move all keys" or while Ctrl (⌘) is held.

// What holds the pointer: far(a, b) and moved(a, b) of gestures.js.
function moveTools(editor, {far, moved}) {
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

  // begin() -> {track, t}: what is changed, and the frame that is shown meanwhile if it is another; make(hold, point, event)
  // -> the changed track, null for one that can't be. Without `start` the act begins at once, else when the pointer has moved.
  function changeAct(start, begin, make) {
    const before = {time: editor.time, keyT: editor.keyT};
    let hold = null, next = null;
    return {
      move(point, event) {
        if (!hold) {
          if (start && !moved(point, start)) return;
          hold = begin();
          if (hold.t !== undefined) editor.set({time: hold.t, keyT: hold.t});
        }
        const track = make(hold, point, event);
        if (!track) return;
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

  const wholly = event => editor.whole || event.ctrlKey || event.metaKey;
  const straight = (dx, dy, event) => !event.shiftKey ? [dx, dy] : Math.abs(dx) >= Math.abs(dy) ? [dx, 0] : [0, dy];
  const sized = scale => Math.min(MAX_SCALE, Math.max(MIN_SCALE, scale));
  const degrees = (a, b) => Math.atan2(b.y - a.y, b.x - a.x) * 180 / Math.PI;

  // kind: what is held of the mask: 'move', 'rotate' or 'scale'.
  function dragAct(kind, track, start, pressed) {
    const grip = gripOf(editor, track);
    const growth = point => far(point, grip) / Math.max(1, far(start, grip));
    const turn = (from, point, event) => {
      const to = from + degrees(grip, point) - degrees(grip, start);
      return (event.shiftKey ? Math.round(to / 15) * 15 : to) - from;
    };
    if (wholly(pressed)) {
      return changeAct(start, () => ({track}), (hold, point, event) => {
        const change = {x: grip.x, y: grip.y};
        if (kind === 'scale') change.growth = growth(point);
        else if (kind === 'rotate') change.turn = turn(grip.rotation, point, event);
        else [change.dx, change.dy] = straight(point.x - start.x, point.y - start.y, event);
        return moveWhole(track, editor.shapes(track), change);
      });
    }
    return changeAct(start, () => held(track), (hold, point, event) => {
      const {pose, now} = hold, key = {...pose};
      if (kind === 'scale') key.scale = sized(now.scale * growth(point));
      else if (kind === 'rotate') key.rotation = wrapDegrees(now.rotation + turn(now.rotation, point, event));
      else {
        const [dx, dy] = straight(point.x - start.x, point.y - start.y, event);
        Object.assign(key, {x: now.x + dx, y: now.y + dy});
      }
      return setKey(hold.track, hold.t, key);
    });
  }

  // A keyframe's dot on the path: its place is moved, wherever in time the editor stands.
  function dotAct(track, key, start, pressed) {
    if (wholly(pressed)) return dragAct('move', track, start, pressed);
    const made = changeAct(start, () => ({t: key.t, track}), (hold, point, event) => {
      const [dx, dy] = straight(point.x - start.x, point.y - start.y, event);
      return setKey(track, key.t, {x: key.x + dx, y: key.y + dy});
    });
    editor.set({time: key.t, keyT: key.t});
    return made;
  }

  // Two fingers, whose places pair() tells: the mask follows them, turned and resized as they are to each other.
  function pinchAct(track, pair) {
    const grip = gripOf(editor, track), [a, b] = pair(), middle = (p, q) => ({x: (p.x + q.x) / 2, y: (p.y + q.y) / 2});
    const whole = editor.whole, hold = whole ? {track} : held(track), shapes = editor.shapes(track);
    const act = changeAct(null, () => hold, () => {
      const [p, q] = pair(), from = middle(a, b), to = middle(p, q), turn = degrees(p, q) - degrees(a, b);
      const asked = far(p, q) / Math.max(1, far(a, b)), growth = whole ? wholeGrowth(track, asked) : sized(hold.now.scale * asked) / hold.now.scale;
      // The point of the mask between the fingers stays between them.
      const at = gripOut({...to, rotation: turn, scale: growth}, grip.x - from.x, grip.y - from.y), dx = at.x - grip.x, dy = at.y - grip.y;
      if (whole) return moveWhole(track, shapes, {x: grip.x, y: grip.y, dx, dy, turn, growth});
      const {pose, now} = hold, rotation = wrapDegrees(now.rotation + turn);
      return setKey(hold.track, hold.t, {...pose, scale: now.scale * growth, rotation, x: now.x + dx, y: now.y + dy});
    });
    return {...act, pinch: true};
  }

  return {drag: dragAct, dot: dotAct, pinch: pinchAct};
}
