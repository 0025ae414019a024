// Questions to Python: events that carry a `turn`, which their answer carries, too. An answer may be news ({slow} or {wait}),
// which keeps its question open; an answer that nobody waits for any more is dropped.

const PATIENCE = 20_000;  // ms without any answer until a question counts as lost

// changed() is called when a question is over, lost() when one got no answer.
function makeQuestions(changed, lost) {
  const open = new Map();  // turn -> {name, data, timer, slow}
  let turns = 0;

  const close = turn => {
    clearTimeout(open.get(turn).timer);
    open.delete(turn);
    changed();
  };
  const giveUp = turn => { close(turn); lost(); };

  return {
    get some() { return open.size > 0; },
    get slow() { return [...open.values()].some(one => one.slow); },
    named: name => [...open.values()].some(one => one.name === name),
    data: turn => open.get(turn).data,
    ask(name, data) {
      const turn = String(++turns), asked = {...data, turn};
      open.set(turn, {name, data: asked, timer: setTimeout(giveUp, PATIENCE, turn), slow: false});
      trigger(name, asked);
      changed();
    },
    // What was answered, null if nobody waits for it.
    hear(answer) {
      const asked = answer && open.get(answer.turn);
      if (!asked) return null;
      if (!answer.wait && !answer.slow) { close(answer.turn); return answer; }
      clearTimeout(asked.timer);
      Object.assign(asked, {slow: true, timer: setTimeout(giveUp, PATIENCE, answer.turn)});
      return answer;
    },
    // All are dropped -> their turns.
    leave() {
      const turns = [...open.keys()];
      turns.forEach(close);
      return turns;
    },
  };
}
