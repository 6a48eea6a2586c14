import './tokens.css';
import './layout.css';
import { render } from 'preact';
import { App } from './app.tsx';
import './state/theme.ts';
import { resume } from './state/session.ts';

const root = document.getElementById('console');
if (!root) throw new Error('The page has no place for the console.');
await resume().catch(() => {});
render(<App />, root);
