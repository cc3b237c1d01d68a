using System;
using Ringcast.Realtime.Types;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Command
{
	/// <summary>A message of the game's, made by Client.NewMessage and told its target before it is sent.</summary>
	public class RTMessage
	{
		public int OpCode { get; private set; }
		public int Sender { get; private set; }
		public int TargetPlayer { get; private set; }
		public int TargetGroup { get; private set; }
		public DeliveryIntent DeliveryIntent { get; private set; }
		public byte[] Payload { get; private set; }

		internal RTMessage(int opCode, int sender)
		{
			OpCode = opCode;
			Sender = sender;
			DeliveryIntent = DeliveryIntent.Fast;
		}

		public RTMessage WithTargetPlayer(int targetPlayer)
		{
			TargetPlayer = targetPlayer;
			return this;
		}

		public RTMessage WithTargetGroup(int targetGroup)
		{
			TargetGroup = targetGroup;
			return this;
		}

		public RTMessage WithDeliveryIntent(DeliveryIntent deliveryIntent)
		{
			DeliveryIntent = deliveryIntent;
			return this;
		}

		/// <summary>The array is read when the message is sent, not kept.</summary>
		public RTMessage WithPayload(byte[] payload)
		{
			if (payload != null && payload.Length > Limits.PayloadReliableBytes)
				throw new ArgumentException("longer than " + Limits.PayloadReliableBytes + " bytes", "payload");
			Payload = payload;
			return this;
		}
	}
}
