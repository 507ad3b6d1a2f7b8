import './style.css';
import { mount } from 'svelte';
import App from './pages/App.svelte';

const target = document.getElementById('app') as HTMLElement;
target.replaceChildren();
mount(App, { target });
