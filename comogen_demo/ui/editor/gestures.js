// Pointer gestures on the canvas: press on an object to select it, drag the subject or one of its two handles.
// `editor` is the object made in editor.js; points are in frame pixels.

const SLOP = 4, REACH = 30, GRAB = 22;  // css pixels: what counts as a drag, length of a handle, size of its target

function attachGestures(editor) {
  const canvas = editor.canvas;
  let drag = null;

  const pointOf = event => {
    const box = canvas.getBoundingClientRect();
    return {x: (event.clientX - box.left) / box.width * editor.width, y: (event.clientY - box.top) / box.height * editor.height};
  };
  const near = (a, b, radius) => Math.hypot(a.x - b.x, a.y - b.y) <= radius;

  function targetAt(point, touch) {
    if (!editor.subject) return 'scene';
    const unit = editor.unit, pose = editor.pose(), handles = handlesOf(editor.subject, pose, REACH * unit);
    if (near(point, handles.rotate, GRAB * unit)) return 'rotate';
    if (near(point, handles.scale, GRAB * unit * 0.8)) return 'scale';
    return onSubject(editor.subject, pose, point, touch ? 12 * unit : 0) ? 'move' : 'scene';
  }

  function posed(point, event) {
    const {start, pose} = drag, centre = editor.subject.centre;
    if (drag.kind === 'move') return {...pose, x: pose.x + point.x - start.x, y: pose.y + point.y - start.y};
    const pivot = {x: centre.x + pose.x, y: centre.y + pose.y};
    if (drag.kind === 'scale') {
      const ratio = Math.hypot(point.x - pivot.x, point.y - pivot.y) / Math.hypot(start.x - pivot.x, start.y - pivot.y);
      return {...pose, scale: Math.min(4, Math.max(0.25, pose.scale * ratio))};
    }
    const angle = p => Math.atan2(p.y - pivot.y, p.x - pivot.x) * 180 / Math.PI;
    let rotation = wrapDegrees(pose.rotation + angle(point) - angle(start));
    if (event.shiftKey) rotation = wrapDegrees(Math.round(rotation / 15) * 15);
    return {...pose, rotation};
  }

  canvas.addEventListener('pointerdown', event => {
    if (!event.isPrimary || event.button !== 0 || !editor.frame) return;
    editor.stop();
    const point = pointOf(event), kind = targetAt(point, event.pointerType === 'touch');
    drag = {id: event.pointerId, kind, start: point, moved: false, picked: false};
    if (kind === 'scene') {
      if (event.pointerType !== 'touch') { drag.picked = true; editor.pick(point); }
      return;
    }
    canvas.setPointerCapture(event.pointerId);
    drag.pose = editor.beginDrag();
  });

  canvas.addEventListener('pointermove', event => {
    const point = pointOf(event);
    if (!drag) {
      canvas.dataset.target = editor.frame ? targetAt(point, false) : '';
      return;
    }
    if (event.pointerId !== drag.id) return;
    if (!drag.moved && near(point, drag.start, SLOP * editor.unit)) return;
    // The object under the pointer was selected while the button was still down: go on by dragging it.
    if (drag.kind === 'scene') {
      if (!drag.picked || editor.picking || targetAt(drag.start, false) !== 'move') return;
      canvas.setPointerCapture(event.pointerId);
      drag = {...drag, kind: 'move', pose: editor.beginDrag()};
    }
    drag.moved = true;
    editor.preview(posed(point, event));
  });

  canvas.addEventListener('pointerup', event => {
    if (!drag || event.pointerId !== drag.id) return;
    const {kind, moved, picked, start} = drag;
    drag = null;
    if (kind !== 'scene') moved ? editor.endDrag() : editor.dropDrag();
    else if (!picked) editor.pick(start);
  });

  canvas.addEventListener('pointercancel', event => {
    if (!drag || event.pointerId !== drag.id) return;
    if (drag.kind !== 'scene') editor.dropDrag();
    drag = null;
  });
}
