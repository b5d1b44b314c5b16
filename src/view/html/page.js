'use strict';
// Steps through the document. It holds no data: what it shows is moved or copied from the page, as nodes, never
// as markup. Without it the page is complete.
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const steps = [...document.querySelectorAll('li.step')];
  if (!steps.length) return;
  const number = (step) => step.id.slice(5);
  const chapters = [...document.querySelectorAll('section.chapter')];
  const chapterOf = new Map();
  for (const chapter of chapters) for (const step of chapter.querySelectorAll('li.step')) chapterOf.set(step, chapter);
  const tocs = new Map([...document.querySelectorAll('nav.chapters a')].map((a) => [a.hash.slice(1), a]));
  const legs = [...document.querySelectorAll('.leg')];
  const stops = [...document.querySelectorAll('.stop')];
  const calm = matchMedia('(prefers-reduced-motion: reduce)');

  let shown = steps; // those that the filter lets through
  let place = -1; // index in `steps`

  const el = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };

  // --- the state: changes folded up to a step ---------------------------------------------------------------
  const changes = new Map(); // index → its change lines, looked up once
  const changesAt = (i) => {
    if (!changes.has(i)) changes.set(i, [...steps[i].querySelectorAll('.after li')]);
    return changes.get(i);
  };
  let holds = new Map(); // key → { line, at }
  let folded = -1;
  const fold = (to) => {
    if (to < folded) { holds = new Map(); folded = -1; }
    for (let i = folded + 1; i <= to; i++) {
      for (const line of changesAt(i)) {
        if ('gone' in line.dataset) holds.delete(line.dataset.k);
        else holds.set(line.dataset.k, { line, at: i });
      }
    }
    folded = to;
  };

  const PHASES = {
    smtp: ['connected', 'greeted', 'envelope', 'recipients', 'data'],
    pop3: ['connected', 'authorization', 'transaction', 'update'],
    imap: ['connected', 'not authenticated', 'authenticated', 'selected', 'logout'],
  };
  const GROUPS = [
    ['conn', 'Open connections'], ['queue', 'Queues'], ['mailbox', 'Mailboxes'],
    ['copy', 'Copies on devices'], ['down', 'Not answering'], ['sender', 'Who sent it'], ['cache', 'DNS answers remembered'],
    ['intent', 'People'],
  ];
  const MOST = 40; // lines of a group

  const phases = (line) => {
    const [protocol, ...rest] = line.dataset.phase.split(' ');
    const now = rest.join(' ');
    const all = PHASES[protocol] || [];
    const list = el('span', 'phases');
    for (const phase of all.includes(now) ? all : [now]) {
      const one = el(phase === now ? 'b' : 'span', '', phase);
      if (phase === now) one.setAttribute('aria-current', 'step');
      list.append(one, ' ');
    }
    return list;
  };

  const stateLine = (line, isNew, isGone) => {
    const item = el('li', isGone ? 'gone' : isNew ? 'new' : '');
    if (isGone) item.append(el('b', 'tag', 'gone'), ' ');
    else if (isNew) item.append(el('b', 'tag', 'now'), ' ');
    item.append(el('span', 'subject', line.querySelector('.subject').textContent), ' ');
    if (line.dataset.phase && !isGone) item.append(phases(line), ' ');
    item.append(el('span', 'text', line.querySelector('.text').textContent));
    return item;
  };

  const showState = (i) => {
    fold(i);
    const into = $('state-body');
    const groups = new Map(GROUPS.map(([id]) => [id, []]));
    const conn = steps[i].dataset.conn;
    for (const { line, at } of holds.values()) groups.get(line.dataset.g).push([line, at === i, false]);
    for (const line of changesAt(i)) if ('gone' in line.dataset) groups.get(line.dataset.g).push([line, false, true]);
    into.replaceChildren();
    // What has just changed stands first, then this step's own connection.
    const weight = ([line, isNew, isGone]) => (isNew || isGone ? 0 : line.dataset.conn === conn ? 1 : 2);
    for (const lines of groups.values()) lines.sort((a, b) => weight(a) - weight(b));
    const first = ([id]) => (groups.get(id).length ? weight(groups.get(id)[0]) : 2);
    for (const [id, title] of [...GROUPS].sort((a, b) => first(a) - first(b))) {
      const lines = groups.get(id);
      if (!lines.length) continue;
      const list = el('ul');
      for (const line of lines.slice(0, MOST)) list.append(stateLine(...line));
      if (lines.length > MOST) list.append(el('li', 'rest', `and ${lines.length - MOST} more`));
      into.append(el('h3', '', title), list);
    }
    if (!into.childElementCount) into.append(el('p', '', 'Nothing is open, and nothing is kept anywhere.'));
    showRoad(i);
  };

  // --- the road ---------------------------------------------------------------------------------------------
  const badges = () => {
    const at = new Map();
    for (const { line } of holds.values()) {
      if (line.dataset.stop === undefined) continue;
      const counts = at.get(line.dataset.stop) || {};
      counts[line.dataset.g] = (counts[line.dataset.g] || 0) + 1;
      at.set(line.dataset.stop, counts);
    }
    return at;
  };
  const showRoad = (i) => {
    const leg = legs[Number(steps[i].dataset.leg ?? -1)];
    const fromServer = steps[i].classList.contains('s');
    for (const one of legs) {
      one.classList.toggle('on', one === leg);
      const line = one.firstElementChild;
      line.removeAttribute('marker-start');
      line.removeAttribute('marker-end');
      if (one === leg) line.setAttribute(fromServer ? 'marker-start' : 'marker-end', 'url(#tip)');
    }
    const mail = badges();
    stops.forEach((stop, at) => {
      const on = leg && [leg.dataset.client, leg.dataset.server].includes(String(at));
      stop.classList.toggle('on', Boolean(on));
      const what = stop.querySelector('.what');
      const counts = mail.get(String(at));
      stop.classList.toggle('has', Boolean(counts));
      const words = { queue: 'in the queue', mailbox: 'in a mailbox', copy: 'on its disk' };
      what.textContent = counts
        ? '✉ ' + Object.keys(words).filter((k) => counts[k]).map((k) => `${counts[k]} ${words[k]}`).join(', ')
        : what.dataset.what;
    });
  };

  // --- stepping ---------------------------------------------------------------------------------------------
  const fill = (step) => {
    const into = $('here-body');
    into.replaceChildren();
    into.className = ['c', 's', 'open', 'close'].find((voice) => step.classList.contains(voice)) || '';
    into.scrollTop = 0;
    for (const node of step.querySelector('.body').children) {
      if (node.classList.contains('after')) continue;
      if (node.classList.contains('again')) {
        const told = document.querySelector(node.firstElementChild.hash + ' .more');
        into.append((told || node).cloneNode(true));
        continue;
      }
      into.append(node.cloneNode(true));
    }
    const facts = step.querySelector('.facts');
    if (facts) into.querySelector('h3').after(facts.cloneNode(true));
  };

  const scrollTo = (step) => {
    const box = $('rungs');
    const inBox = getComputedStyle(box).overflowY !== 'visible';
    const smooth = calm.matches ? 'auto' : 'smooth';
    if (root.classList.contains('doc')) step.scrollIntoView({ block: 'start', behavior: 'auto' });
    else if (inBox) {
      const a = step.getBoundingClientRect();
      const b = box.getBoundingClientRect();
      const row = step.querySelector('.row').getBoundingClientRect();
      if (row.top < b.top + 110 || row.bottom > b.bottom - 90) {
        const far = Math.abs(a.top - b.top) > 2 * b.height;
        box.scrollTo({ top: box.scrollTop + a.top - b.top - b.height * 0.35, behavior: far ? 'auto' : smooth });
      }
    } else {
      // On a narrow page the step stands above the ladder.
      const { top } = $('here').getBoundingClientRect();
      if (top < 0 || top > innerHeight / 2) $('here').scrollIntoView({ block: 'start', behavior: 'auto' });
    }
  };

  const go = (i, how = {}) => {
    i = Math.max(0, Math.min(steps.length - 1, i));
    const step = steps[i];
    if (place >= 0) {
      steps[place].classList.remove('current');
      steps[place].querySelector('.row').removeAttribute('aria-current');
    }
    place = i;
    step.classList.add('current');
    step.querySelector('.row').setAttribute('aria-current', 'step');
    fill(step);
    showState(i);
    const chapter = chapterOf.get(step);
    for (const [id, a] of tocs) {
      const on = chapter && chapter.id === id;
      if (on) { a.setAttribute('aria-current', 'true'); keepInRow(a); } else a.removeAttribute('aria-current');
    }
    $('here-title').textContent = `Step ${number(step)} of ${steps.length}`;
    $('where').textContent = `${number(step)} / ${steps.length}`;
    $('at').value = String(i + 1);
    $('at').setAttribute('aria-valuetext', `step ${number(step)} of ${steps.length}`);
    for (const id of ['b-prev', 'b-prevc']) $(id).setAttribute('aria-disabled', String(i === 0));
    for (const id of ['b-next', 'b-nextc']) $(id).setAttribute('aria-disabled', String(i === steps.length - 1));
    if (!how.quiet) {
      history.replaceState(null, '', '#' + step.id);
      const says = step.querySelector('.lane').textContent.replace(/\s+/g, ' ').trim();
      $('live').textContent = `Step ${number(step)}. ${says}. ${step.querySelector('h3').textContent}`;
    }
    if (!how.still) scrollTo(step);
  };

  // A link in a row that scrolls sideways: only the row may move, never the page.
  const keepInRow = (a) => {
    const row = a.closest('ol');
    const [r, b] = [row.getBoundingClientRect(), a.getBoundingClientRect()];
    if (b.left < r.left || b.right > r.right) row.scrollLeft += b.left - r.left - 40;
  };

  const by = (delta) => {
    if (!shown.length) return;
    let at = shown.indexOf(steps[place]);
    if (at < 0) {
      // The current step is filtered out: on from where it would stand.
      at = shown.findIndex((step) => steps.indexOf(step) > place);
      if (at < 0) at = shown.length;
      if (delta > 0) at -= 1;
    }
    const next = shown[Math.max(0, Math.min(shown.length - 1, at + delta))];
    go(steps.indexOf(next));
  };
  const byChapter = (delta) => {
    const firsts = chapters.map((c) => shown.find((s) => chapterOf.get(s) === c)).filter(Boolean);
    const places = firsts.map((s) => steps.indexOf(s));
    const next = delta > 0 ? places.find((p) => p > place) : places.filter((p) => p < place).pop();
    if (next !== undefined) go(next);
    else if (shown.length) go(steps.indexOf(delta > 0 ? shown[shown.length - 1] : shown[0]));
  };
  const toEnd = (last) => shown.length && go(steps.indexOf(shown[last ? shown.length - 1 : 0]));

  const fromHash = (quiet) => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) return false;
    const step = target.matches('li.step') ? target : target.querySelector('li.step');
    if (!step) return false;
    if (step.hidden) clearFilter();
    go(steps.indexOf(step), { quiet });
    return true;
  };

  // --- filter and search ------------------------------------------------------------------------------------
  const toggles = [...document.querySelectorAll('.filter .f')];
  const applyFilter = () => {
    const on = new Set(toggles.filter((b) => b.getAttribute('aria-pressed') === 'true').map((b) => b.dataset.p));
    for (const step of steps) step.hidden = !on.has(step.dataset.p);
    shown = steps.filter((step) => !step.hidden);
    // The line that names two hosts goes with the last step that it stands above.
    for (const call of document.querySelectorAll('li.call')) {
      let next = call.nextElementSibling;
      while (next && !next.matches('li.call') && (!next.matches('li.step') || next.hidden)) next = next.nextElementSibling;
      call.hidden = !next || next.matches('li.call');
    }
    for (const chapter of chapters) chapter.classList.toggle('empty', !chapter.querySelector('li.step:not([hidden])'));
    const all = shown.length === steps.length;
    $('found').textContent = all ? '' : `${shown.length} of ${steps.length} steps shown`;
    search();
  };
  const clearFilter = () => {
    for (const toggle of toggles) toggle.setAttribute('aria-pressed', 'true');
    applyFilter();
  };
  for (const toggle of toggles) {
    toggle.addEventListener('click', () => {
      toggle.setAttribute('aria-pressed', String(toggle.getAttribute('aria-pressed') !== 'true'));
      applyFilter();
    });
  }

  const texts = new WeakMap();
  const textOf = (step) => {
    if (!texts.has(step)) texts.set(step, step.textContent.toLowerCase().replace(/\s+/g, ' '));
    return texts.get(step);
  };
  let hits = [];
  const search = () => {
    const words = $('q').value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const hit of hits) hit.classList.remove('hit');
    hits = words.length ? shown.filter((step) => words.every((word) => textOf(step).includes(word))) : [];
    for (const hit of hits) hit.classList.add('hit');
    if (words.length) $('found').textContent = hits.length === 1 ? '1 step found' : `${hits.length} steps found`;
    else if (shown.length === steps.length) $('found').textContent = '';
  };
  const nextHit = (delta) => {
    if (!hits.length) return;
    const places = hits.map((hit) => steps.indexOf(hit));
    const next = delta > 0 ? places.find((p) => p > place) : places.filter((p) => p < place).pop();
    go(next ?? places[delta > 0 ? 0 : places.length - 1]);
  };
  let wait = 0;
  $('q').addEventListener('input', () => { clearTimeout(wait); wait = setTimeout(search, 120); });
  $('q').addEventListener('keydown', (event) => {
    if (event.key === 'Enter') { clearTimeout(wait); search(); nextHit(event.shiftKey ? -1 : 1); event.preventDefault(); }
    if (event.key === 'Escape') { $('q').value = ''; search(); $('q').blur(); event.preventDefault(); }
  });

  // --- parts: pointing at one lights it up wherever it stands ------------------------------------------------
  const light = (event) => {
    const body = event.target.closest('#here-body, .body');
    if (!body) return;
    const of = event.type === 'mouseout' ? '' : (event.target.closest('[data-of]')?.dataset.of ?? '');
    const letters = of.split(' ').filter(Boolean);
    const last = event.target.closest('.part') ? letters : letters.slice(-1);
    for (const one of body.querySelectorAll('[data-of]')) {
      const its = one.dataset.of.split(' ');
      one.classList.toggle('lit', last.some((letter) => its.includes(letter)));
    }
  };
  document.addEventListener('mouseover', light);
  document.addEventListener('mouseout', light);

  // --- light and dark, document, help -----------------------------------------------------------------------
  const stored = (key, value) => {
    // A page opened from a file may have no storage.
    try { return value === undefined ? localStorage.getItem(key) : localStorage.setItem(key, value); } catch { return null; }
  };
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches);
  const showTheme = () => $('b-theme').setAttribute('aria-pressed', String(isDark()));
  const flipTheme = () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    stored('postroad-theme', root.dataset.theme);
    showTheme();
  };
  const kept = stored('postroad-theme');
  if (kept === 'light' || kept === 'dark') root.dataset.theme = kept;
  dark.addEventListener('change', showTheme);
  const flipDocument = () => {
    const on = root.classList.toggle('doc');
    $('b-all').setAttribute('aria-pressed', String(on));
    $('here').hidden = on;
    scrollTo(steps[place]);
  };
  const help = $('help');

  const clicks = {
    'b-prev': () => by(-1), 'b-next': () => by(1), 'b-prevc': () => byChapter(-1), 'b-nextc': () => byChapter(1),
    'b-theme': flipTheme, 'b-all': flipDocument, 'b-help': () => help.showModal(),
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener('click', act);
  $('at').addEventListener('input', () => go(Number($('at').value) - 1));

  const keys = {
    ArrowRight: () => by(1), ArrowDown: () => by(1), j: () => by(1),
    ArrowLeft: () => by(-1), ArrowUp: () => by(-1), k: () => by(-1),
    PageDown: () => byChapter(1), PageUp: () => byChapter(-1),
    Home: () => toEnd(false), End: () => toEnd(true),
    '/': () => { $('q').focus(); $('q').select(); }, '?': () => help.showModal(),
    d: flipDocument, t: flipTheme,
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target.closest('input, textarea, select') && event.target.id !== 'at') return;
    // Who moved into a box that scrolls moves up and down in it.
    if (event.target.matches('#here-body, .state') && /^(Arrow(Up|Down)|Page(Up|Down))$/.test(event.key)) return;
    const act = keys[event.key];
    if (!act || (event.target.id === 'at' && event.key.length === 1 && !'/?'.includes(event.key))) return;
    event.preventDefault();
    act();
  });

  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link || link.classList.contains('skip') || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const target = document.getElementById(link.hash.slice(1));
    const step = target && (target.matches('li.step') ? target : target.querySelector('li.step:not([hidden])'));
    if (!step) return;
    event.preventDefault();
    if (step.hidden) clearFilter();
    go(steps.indexOf(step));
  });
  addEventListener('hashchange', () => fromHash(false));

  // --- begin ------------------------------------------------------------------------------------------------
  root.classList.add('js');
  root.classList.toggle('long', steps.length > 2000);
  for (const node of document.querySelectorAll('.tools, .find, .controls, #here')) node.hidden = false;
  showTheme();
  const linked = fromHash(true);
  if (!linked) go(0, { quiet: true, still: true });
  // The browser follows the fragment to the ladder, and does so once more when all is loaded.
  const settle = () => { if (linked) scrollTo(steps[place]); };
  addEventListener('load', () => { settle(); setTimeout(settle, 60); });
})();
