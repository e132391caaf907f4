/** The page of the dashboard, with its style and its script in it: `scripts/build-page.mjs` makes the module. */
export const HTML: string;
