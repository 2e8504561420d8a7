// Slides: one at a time, turned by keys, by buttons or by a swipe. The address names the slide, so a reload stays where it was.
(() => {
  const html = document.documentElement;
  const slides = [...document.querySelectorAll('.slide')];
  const status = document.getElementById('slides-status');
  const notes = document.getElementById('slides-notes');
  const { strings } = JSON.parse(document.getElementById('site-data').textContent);
  let current = 0;

  function show(index) {
    current = Math.max(0, Math.min(slides.length - 1, index));
    slides.forEach((slide, position) => {
      slide.classList.toggle('shown', position === current);
    });
    history.replaceState(null, '', `#slide-${current + 1}`);
    status.textContent = strings.slideOf
      .replace('{n}', String(current + 1))
      .replace('{m}', String(slides.length));
    slides[current].scrollTop = 0;
  }

  function toggleNotes() {
    const shown = html.classList.toggle('with-notes');
    notes.setAttribute('aria-pressed', String(shown));
  }

  const KEYS = {
    ArrowRight: () => show(current + 1),
    PageDown: () => show(current + 1),
    ' ': () => show(current + 1),
    ArrowLeft: () => show(current - 1),
    PageUp: () => show(current - 1),
    Home: () => show(0),
    End: () => show(slides.length - 1),
    n: toggleNotes,
    Escape: () => document.getElementById('slides-exit').click(),
  };

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A space on a fold or a button is meant for it, an arrow in code scrolls it.
    const own = event.target.closest('summary, button, a, pre');
    if (own && (event.key === ' ' || own.tagName === 'PRE')) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  for (const button of document.querySelectorAll('[data-turn]')) {
    button.addEventListener('click', () => show(current + Number(button.dataset.turn)));
  }
  notes.addEventListener('click', toggleNotes);

  let touchedAt;
  document.addEventListener('touchstart', (event) => {
    touchedAt = event.touches[0]?.clientX;
  });
  document.addEventListener('touchend', (event) => {
    const moved = (event.changedTouches[0]?.clientX ?? 0) - (touchedAt ?? 0);
    if (Math.abs(moved) > 60 && !event.target.closest('pre')) show(current + (moved < 0 ? 1 : -1));
  });

  const asked = Number(/^#slide-(\d+)$/.exec(location.hash)?.[1] ?? 1);
  html.classList.add('one-by-one');
  show(asked - 1);
})();
