"""One network for each field, side by side: the paper's separate networks, trained and served as one."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfmsnet")
class SeparateNetworks(keras.layers.Layer):
    """Networks that know nothing of each other; called as one, with the channels of all in their order.

    Args:
        networks: `StepNetwork`s, each for the channels of one field, in the order of the state's channels.
    """

    def __init__(self, networks, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.networks = list(networks)
        self.outputs = sum(network.outputs for network in self.networks)

    def build(self, features_shape, masks_shape, operating_point_shape, state_shape=None):
        for network in self.networks:
            if not network.built:  # keras builds what it reads back
                masks = [(*shape[:-1], network.outputs) for shape in masks_shape]
                network.build(features_shape, masks, operating_point_shape)
        self.built = True

    def call(self, features, masks, operating_point, state=None):
        outputs, begin = [], 0
        for network in self.networks:
            own = slice(begin, begin + network.outputs)
            previous = None if state is None else state[..., own]
            outputs.append(network(features, [mask[..., own] for mask in masks], operating_point, previous))
            begin += network.outputs
        return [ops.concatenate(parts, axis=-1) for parts in zip(*outputs, strict=True)]

    def compute_output_shape(self, features_shape, masks_shape, operating_point_shape, state_shape=None):
        return [tuple(shape) for shape in masks_shape]

    def get_config(self):
        networks = [keras.saving.serialize_keras_object(network) for network in self.networks]
        return {**super().get_config(), "networks": networks}

    @classmethod
    def from_config(cls, config):
        networks = [keras.saving.deserialize_keras_object(network) for network in config.pop("networks")]
        return cls(networks, **config)
