"""What runs Oidor elsewhere: compose file, image, Kubernetes manifests; by their own checkers and by what they mean."""
