// Sets the colours before the page is first painted: those that this browser's user chose, or the system's.
// Not a module, because modules run after the first paint.
{
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const { choice } = root.dataset;
    root.dataset.theme = choice === 'light' || choice === 'dark' ? choice : system.matches ? 'dark' : 'light';
    dispatchEvent(new Event('themechange'));
  };
  try {
    root.dataset.choice = localStorage.getItem('wayleave-theme') ?? 'system';
  } catch {
    // Storage is blocked. A choice then lasts as long as the page.
    root.dataset.choice = 'system';
  }
  system.addEventListener('change', apply);
  addEventListener('themechosen', apply);
  apply();
}
