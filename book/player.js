// The page to step through has a light and a dark look. In the book it takes that of the page around it.
(() => {
  const frames = [...document.querySelectorAll('iframe.player')];
  const tell = (frame) => {
    // A book that is read from a disk may not look into its frames: there the frame asks the system.
    const page = frame.contentDocument?.documentElement;
    if (!page) return;
    const isDark = getComputedStyle(document.documentElement).colorScheme === 'dark';
    page.dataset.theme = isDark ? 'dark' : 'light';
    page.querySelector('#b-theme')?.setAttribute('aria-pressed', String(isDark));
  };
  for (const frame of frames) {
    frame.addEventListener('load', () => tell(frame));
    tell(frame);
  }
  const observer = new MutationObserver(() => frames.forEach(tell));
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['class'] });
})();
