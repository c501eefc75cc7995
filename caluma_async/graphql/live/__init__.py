"""What is pushed to clients as it happens: the subscriptions, and the WebSockets that they go over."""
