/** Logo: three streams that flow to the right. */

/** Renders the logo, which is decorative. */
export const Logo = () => (
  <svg class="logo" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
    <path d="M2 5h9M2 10h14M2 15h6" />
    <circle cx="15" cy="5" r="2" />
    <circle cx="12" cy="15" r="2" />
  </svg>
);
