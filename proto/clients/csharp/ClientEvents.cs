using System;
using Ringcast.Realtime.Event;

namespace Ringcast.Realtime
{
	/// <summary>What a game is told. All of it from inside Client.Poll, on the thread that calls that.</summary>
	public class ClientEvents
	{
		public event EventHandler ConnectionOpen;
		/// <summary>The server has let us in. Ours: games that do not know it look at ConnectedAndReady.</summary>
		public event EventHandler ConnectionReady;
		/// <summary>CanSendFast has changed, other than by Dropped. Ours too.</summary>
		public event EventHandler FastChanged;
		public event EventHandler ConnectionClose;
		/// <summary>With MayResume: the connection broke, and is made again. Resumed or ConnectionClose follows.</summary>
		public event EventHandler<DroppedEventArgs> Dropped;
		/// <summary>The player is who it was, and what it missed comes next.</summary>
		public event EventHandler<ResumedEventArgs> Resumed;
		public event EventHandler<ErrorEventArgs> ConnectionError;
		public event EventHandler<DataReceivedEventArgs> DataReceived;
		public event EventHandler<GroupMembershipEventArgs> GroupMembershipUpdated;

		internal void OnOpen()
		{
			EventHandler handler = ConnectionOpen;
			if (handler != null)
				handler(this, EventArgs.Empty);
		}

		internal void OnReady()
		{
			EventHandler handler = ConnectionReady;
			if (handler != null)
				handler(this, EventArgs.Empty);
		}

		internal void OnFastChanged()
		{
			EventHandler handler = FastChanged;
			if (handler != null)
				handler(this, EventArgs.Empty);
		}

		internal void OnClose(ConnectionCloseEventArgs args)
		{
			EventHandler handler = ConnectionClose;
			if (handler != null)
				handler(this, args);
		}

		internal void OnDropped(DroppedEventArgs args)
		{
			EventHandler<DroppedEventArgs> handler = Dropped;
			if (handler != null)
				handler(this, args);
		}

		internal void OnResumed(ResumedEventArgs args)
		{
			EventHandler<ResumedEventArgs> handler = Resumed;
			if (handler != null)
				handler(this, args);
		}

		internal void OnError(Exception exception)
		{
			EventHandler<ErrorEventArgs> handler = ConnectionError;
			if (handler != null)
				handler(this, new ErrorEventArgs(exception));
		}

		internal void OnDataReceived(DataReceivedEventArgs args)
		{
			EventHandler<DataReceivedEventArgs> handler = DataReceived;
			if (handler != null)
				handler(this, args);
		}

		internal void OnGroupMembershipUpdated(GroupMembershipEventArgs args)
		{
			EventHandler<GroupMembershipEventArgs> handler = GroupMembershipUpdated;
			if (handler != null)
				handler(this, args);
		}
	}
}
