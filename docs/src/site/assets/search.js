// Search: a dialog over any page. The library, the cutter of words and the index are loaded when it is first opened, as scripts,
// which a page from a disk may load too.
(() => {
  const { strings, top, lang } = JSON.parse(document.getElementById('site-data').textContent);
  const dialog = document.getElementById('search-dialog');
  const field = document.getElementById('search-field');
  const list = document.getElementById('search-results');
  const status = dialog.querySelector('.search-status');
  const RESULTS_MAX = 20;
  const AROUND = 70;
  let asked = false;
  let index;

  function loadScript(name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement('script');
      script.src = `${top}assets/${name}`;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  }

  async function load() {
    await Promise.all(['minisearch.js', 'tokenize.js', `search.${lang}.js`].map(loadScript));
    const keep = (term) => term;
    index = globalThis.MiniSearch.loadJS(globalThis.kubeLabsSearchIndex, {
      fields: ['title', 'page', 'text'],
      storeFields: ['href', 'page', 'title', 'text'],
      tokenize: globalThis.kubeLabsTokenize,
      processTerm: keep,
      searchOptions: {
        tokenize: globalThis.kubeLabsTokenizeQuery,
        processTerm: keep,
        combineWith: 'AND',
        prefix: (term) => /^[\w$]/.test(term),
        fuzzy: (term) => (/^\w{5,}$/.test(term) ? 0.2 : false),
        boost: { title: 3, page: 2 },
      },
    });
  }

  function open() {
    if (!dialog.open) dialog.showModal();
    field.focus();
    field.select();
    if (asked) return;
    asked = true;
    load().then(show, () => {
      status.textContent = strings.searchBroken;
      asked = false;
    });
  }

  function show() {
    if (!index) return;
    const query = field.value.trim();
    const hits = query === '' ? [] : index.search(query);
    list.replaceChildren(...hits.slice(0, RESULTS_MAX).map((hit) => result(hit, query)));
    status.textContent = message(query, hits.length);
  }

  function message(query, count) {
    if (query === '') return '';
    if (count === 0) return strings.searchNone.replace('{query}', query);
    return strings.searchCount.replace('{n}', String(count));
  }

  function result(hit, query) {
    const item = document.createElement('li');
    const link = document.createElement('a');
    link.href = top + hit.href;
    const title = document.createElement('strong');
    title.textContent = hit.title;
    const page = document.createElement('span');
    page.className = 'page-name';
    page.textContent = hit.page === hit.title ? '' : hit.page;
    const text = document.createElement('span');
    text.className = 'snippet';
    text.append(...marked(snippet(hit.text, hit.terms, query), hit.terms));
    link.append(title, page, text);
    link.addEventListener('click', () => dialog.close());
    item.append(link);
    return item;
  }

  /** The words around the first hit. */
  function snippet(text, terms, query) {
    const lower = text.toLowerCase();
    const places = [query.toLowerCase(), ...terms].map((term) => lower.indexOf(term));
    const first = places.find((place) => place >= 0) ?? 0;
    const from = Math.max(0, first - AROUND);
    const end = first + AROUND * 2;
    return (from > 0 ? '…' : '') + text.slice(from, end) + (end < text.length ? '…' : '');
  }

  function marked(text, terms) {
    const escaped = terms.map((term) => term.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    if (escaped.length === 0) return [text];
    const longestFirst = escaped.sort((a, b) => b.length - a.length).join('|');
    return text.split(new RegExp(`(${longestFirst})`, 'gi')).map((piece, position) => {
      if (position % 2 === 0) return piece;
      const mark = document.createElement('mark');
      mark.textContent = piece;
      return mark;
    });
  }

  /** Arrow keys walk through the results; Escape closes at once, where a search field would first be emptied. */
  function walk(event) {
    if (event.key === 'Escape') {
      event.preventDefault();
      dialog.close();
    }
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    const stops = [field, ...list.querySelectorAll('a')];
    const now = stops.indexOf(document.activeElement);
    const next = stops[now + (event.key === 'ArrowDown' ? 1 : -1)];
    if (now === -1 || !next) return;
    event.preventDefault();
    next.focus();
  }

  function enter(event) {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    list.querySelector('a')?.click();
  }

  const isTyping = (target) =>
    target.closest('input, textarea, select, [contenteditable]') !== null;

  for (const button of document.querySelectorAll('[data-open="search-dialog"]')) {
    button.addEventListener('click', open);
  }
  document.addEventListener('keydown', (event) => {
    const slash = event.key === '/' && !isTyping(event.target);
    const command = event.key === 'k' && (event.ctrlKey || event.metaKey);
    if (!slash && !command) return;
    event.preventDefault();
    open();
  });
  field.addEventListener('input', show);
  field.addEventListener('keydown', enter);
  dialog.addEventListener('keydown', walk);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
})();
