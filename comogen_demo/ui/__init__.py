"""The page: everything that knows Gradio. `page.build` makes it, `studio.Studio` holds what it works with."""
