// Early: theme and view, before the first paint, so that nothing flashes. Remembered in localStorage where there is one.
(() => {
  const read = (key) => {
    try {
      return localStorage.getItem(`kube-labs.${key}`);
    } catch {
      return null; // Some browsers have no storage for pages from a disk.
    }
  };
  const asked = new URLSearchParams(location.search).get('view');
  if (asked === 'teacher' || asked === 'learner') {
    try {
      localStorage.setItem('kube-labs.view', asked);
    } catch {
      // Then the view lasts for this page only.
    }
  }
  const html = document.documentElement;
  html.dataset.view = asked ?? read('view') ?? 'learner';
  html.dataset.theme = read('theme') ?? 'auto';
  html.classList.add('scripted');
})();
