import tseslint from 'typescript-eslint';

export default tseslint.config(
  {ignores: ['dist/', 'build/', 'node_modules/', 'coverage/']},
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommended],
    languageOptions: {parserOptions: {projectService: true, tsconfigRootDir: import.meta.dirname}},
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        {considerDefaultExhaustiveForUnions: true},
      ],
      '@typescript-eslint/no-unused-vars': ['error', {argsIgnorePattern: '^_'}],
      'max-lines-per-function': ['error', {max: 150, skipComments: true, skipBlankLines: true}],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  {files: ['**/*.test.ts'], rules: {'max-lines-per-function': 'off'}},
  {files: ['e2e/**/*.ts', 'bench/**/*.ts', 'twillctl/**/*.ts'], rules: {'no-console': 'off'}},
);
