import './style.css';
import { mount } from 'svelte';
import Catalogue from './pages/Catalogue.svelte';

mount(Catalogue, { target: document.getElementById('app') as HTMLElement });
