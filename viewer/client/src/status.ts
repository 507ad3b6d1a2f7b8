import './style.css';
import { mount } from 'svelte';
import Status from './pages/Status.svelte';

mount(Status, { target: document.getElementById('app') as HTMLElement });
