// What eslint looks for in the portal's JavaScript and its tests: faults, not style. "dev/install test" installs it.

import { createRequire } from "node:module";

const require = createRequire(new URL(".venv/node/package.json", import.meta.url));
const js = require("@eslint/js");
const globals = require("globals");
const importX = require("eslint-plugin-import-x");

const PAGE = "src/PilotLoggingDIRAC/WebApp/static/PilotLoggingDIRAC/PilotLogs/page/*.js";
const TESTS = "tests/page/*.mjs";

export default [
  { ignores: [".venv", "build", "**/PilotLogs/build", "**/PilotMonitor/build"] },
  js.configs.recommended,
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: [PAGE, TESTS],
    plugins: { "import-x": importX },
    settings: { "import-x/resolver-next": [importX.createNodeResolver()] },
    rules: {
      "import-x/default": "error",
      "import-x/export": "error",
      "import-x/first": "error",
      "import-x/named": "error",
      "import-x/no-cycle": "error",
      "import-x/no-duplicates": "error",
      "import-x/no-self-import": "error",
      "import-x/no-unresolved": "error",
      "import-x/no-mutable-exports": "error",
      eqeqeq: "error",
      "prefer-const": "error",
    },
  },
  { files: [PAGE], languageOptions: { globals: globals.browser } },
  { files: [TESTS, "*.mjs"], languageOptions: { globals: globals.node } },
  { files: ["**/*.cjs"], languageOptions: { sourceType: "commonjs", globals: globals.node } },
  // DIRAC's portal loads these into its own page.
  {
    files: ["**/classes/*.js"],
    languageOptions: { sourceType: "script", globals: { ...globals.browser, Ext: "readonly", GLOBAL: "readonly" } },
    rules: { "no-unused-vars": ["error", { caughtErrors: "none" }] }, // ES5 has no catch without a name
  },
];
