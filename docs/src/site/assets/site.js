// Site: the switches of every page: theme, teacher view, menu, copy buttons, and where the reader was.
(() => {
  const html = document.documentElement;
  const { strings, top, lang } = JSON.parse(document.getElementById('site-data').textContent);

  function store(key, value) {
    try {
      localStorage.setItem(`kube-labs.${key}`, value);
    } catch {
      // The choice lasts for this page.
    }
  }

  function recall(key) {
    try {
      return localStorage.getItem(`kube-labs.${key}`);
    } catch {
      return null;
    }
  }

  const THEMES = ['auto', 'light', 'dark'];
  const THEME_NAMES = {
    auto: strings.themeAuto,
    light: strings.themeLight,
    dark: strings.themeDark,
  };

  function showTheme(button) {
    const name = THEME_NAMES[html.dataset.theme] ?? strings.themeAuto;
    button.setAttribute('aria-label', name);
    button.title = name;
  }

  function themeButton(button) {
    showTheme(button);
    button.addEventListener('click', () => {
      const next = THEMES[(THEMES.indexOf(html.dataset.theme) + 1) % THEMES.length];
      html.dataset.theme = next;
      store('theme', next);
      showTheme(button);
    });
  }

  function viewButton(button) {
    const show = () => button.setAttribute('aria-pressed', String(html.dataset.view === 'teacher'));
    show();
    button.addEventListener('click', () => {
      html.dataset.view = html.dataset.view === 'teacher' ? 'learner' : 'teacher';
      store('view', html.dataset.view);
      show();
    });
  }

  function menuButton(button) {
    button.addEventListener('click', () => {
      const open = button.getAttribute('aria-expanded') !== 'true';
      button.setAttribute('aria-expanded', String(open));
    });
  }

  /** What one would type: a shell's prompt and what it printed stay behind. */
  function textToCopy(figure) {
    const code = figure.querySelector('code');
    const lines = [...code.querySelectorAll('.line')];
    if (lines.length === 0) return code.textContent;
    return lines.map((line) => line.textContent.slice(line.firstChild.textContent.length)).join('');
  }

  function copyButton(figure) {
    if (figure.matches('.transcript, .diff') || !figure.querySelector('pre')) return;
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = strings.copy;
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(textToCopy(figure).trimEnd());
        button.textContent = strings.copied;
      } catch {
        getSelection().selectAllChildren(figure.querySelector('code'));
        button.textContent = strings.copyFailed;
      }
      setTimeout(() => {
        button.textContent = strings.copy;
      }, 1500);
    });
    figure.append(button);
  }

  /** The map's states follow the lab that the reader was last in. */
  function lightMap(lab) {
    for (const part of document.querySelectorAll('.map [data-lab]')) {
      const own = part.dataset.lab;
      part.classList.remove('lit', 'works', 'later');
      part.classList.add(own === lab ? 'lit' : own < lab ? 'works' : 'later');
    }
  }

  function rememberPlace() {
    if (html.dataset.lab && html.dataset.frame === 'book') {
      store('lab', html.dataset.lab);
      const depth = top === '' ? 1 : top.split('/').length;
      const path = location.pathname.split('/').slice(-depth).join('/');
      store('place', path.replace(/^zh\//, ''));
      store('place-title', document.querySelector('h1')?.textContent ?? '');
    }
  }

  function showPlace() {
    const lab = recall('lab');
    if (lab && document.querySelector(`.map [data-lab="${CSS.escape(lab)}"]`)) lightMap(lab);
    const place = recall('place');
    const line = document.querySelector('.continue');
    if (!line || !place || !/^labs\/[\w./-]+\.html$/.test(place)) return;
    const link = line.querySelector('a');
    link.href = top + (lang === 'en' ? '' : `${lang}/`) + place;
    link.textContent += ` · ${recall('place-title') ?? ''}`;
    line.hidden = false;
  }

  /** The other language at the same place of the same page. */
  function languageLink(link) {
    link.addEventListener('click', () => {
      if (location.hash) link.href = link.href.split('#')[0] + location.hash;
    });
  }

  /** An anchor inside a fold opens it. */
  function openTarget() {
    const target =
      location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (
      let fold = target?.closest('details');
      fold;
      fold = fold.parentElement.closest('details')
    ) {
      fold.open = true;
    }
    if (target) target.scrollIntoView();
  }

  document.querySelectorAll('.theme-button').forEach(themeButton);
  document.querySelectorAll('.view-button').forEach(viewButton);
  document.querySelectorAll('.menu-button').forEach(menuButton);
  document.querySelectorAll('.language').forEach(languageLink);
  document.querySelectorAll('figure.code').forEach(copyButton);
  if (html.dataset.frame === 'home') showPlace();
  else rememberPlace();
  if (document.querySelector('details') && location.hash) openTarget();
  addEventListener('hashchange', openTarget);
})();
